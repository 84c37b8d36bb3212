"""A DICOM segmentation is read again before it is said to be saved: by another program where there is one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np

from napari_unet.core.frames import DicomFrame
from napari_unet.core.geometry import RAS_TO_SPL, stack_affine
from napari_unet.io.dicom_seg_read import read_seg
from napari_unet.io.dicom_seg_source import SegRefused

READER = "segimage2itkimage"
"""dcmqi's program that turns the segments of a file into volumes."""
_SAME = 0.01  # of a voxel: how far a voxel may lie from its place
_SECONDS = 600
_DIFFERS = "Nothing was saved. Save the mask as NIfTI, and report this."


def read_again(path: Path, marked: np.ndarray, frame: DicomFrame) -> tuple[str, tuple[str, ...]]:
    """The program that read the file and found the same mask, and what is to be said about that.

    marked : uint8 (Z, Y, X), the segments' numbers. Raises SegRefused if what was read differs.
    """
    _read_here(path, marked)
    if not frame.frame_of_reference:
        return "pydicom", (
            "It was read back and checked with pydicom alone: dcmqi cannot read the segmentation of a single "
            "X-ray.",
        )
    program = _program()
    if program is None:
        return "pydicom", ("It was read back and checked with pydicom alone, since dcmqi is not installed.",)
    try:
        with tempfile.TemporaryDirectory(prefix="napari-unet-seg-") as folder:
            _read_by_dcmqi(program, path, Path(folder), marked, frame)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return "pydicom", (
            f"It was read back and checked with pydicom alone: dcmqi could not work ({reason}).",
        )
    return "dcmqi", ()


def _program() -> str | None:
    """Where dcmqi's program is, also in an environment that is not activated."""
    return shutil.which(READER) or shutil.which(READER, path=str(Path(sys.executable).parent))


def _read_here(path: Path, marked: np.ndarray) -> None:
    seg = read_seg(path)
    found, twice = seg.labels({segment.number: segment.number for segment in seg.segments})
    if twice or found.shape != marked.shape or not np.array_equal(found, marked):
        raise SegRefused("The DICOM segmentation does not hold the mask that was written.", _DIFFERS)


def _read_by_dcmqi(program: str, path: Path, folder: Path, marked: np.ndarray, frame: DicomFrame) -> None:
    """Raises SegRefused unless each segment has the same voxels in the same places."""
    command = [program, "--inputDICOM", str(path), "--outputDirectory", str(folder), "--outputType", "nii"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise SegRefused("dcmqi did not end reading the DICOM segmentation.", _DIFFERS) from error
    if done.returncode:
        raise SegRefused("dcmqi cannot read the DICOM segmentation.", _DIFFERS)
    to_index = np.linalg.inv(_affine(frame))
    for number in range(1, int(marked.max()) + 1):
        file = folder / f"{number}.nii.gz"
        if not file.exists() or not _same(file, marked == number, to_index):
            raise SegRefused("dcmqi reads another mask from the DICOM segmentation.", _DIFFERS)


def _same(file: Path, wanted: np.ndarray, to_index: np.ndarray) -> bool:
    """Whether a volume (NIfTI) has the voxels of `wanted` (Z, Y, X), each in its place, and no other.

    Its axes are those of `wanted` in another order and direction, so each voxel has a place of its own.
    """
    import nibabel

    image = nibabel.load(file)
    places = to_index @ RAS_TO_SPL @ image.affine
    whole = np.rint(places)
    corners = np.array(list(product(*((0, length - 1) for length in image.shape), (1,))))
    if np.abs(corners @ (places - whole).T).max() > _SAME or (np.abs(whole[:3, :3]).sum(axis=0) != 1).any():
        return False
    axes = np.abs(whole[:3, :3]).argmax(axis=1)
    backwards = tuple(int(axis) for axis in range(3) if whole[axis, axes[axis]] < 0)
    found = np.flip(np.asanyarray(image.dataobj).transpose(axes), backwards)
    begins = [whole[axis, 3] - (found.shape[axis] - 1 if axis in backwards else 0) for axis in range(3)]
    return not any(begins) and found.shape == wanted.shape and np.array_equal(found != 0, wanted)


def _affine(frame: DicomFrame) -> np.ndarray:
    """As in core.geometry."""
    places = np.array(frame.positions)
    step = np.cross(frame.orientation[:3], frame.orientation[3:])
    if len(places) > 1:
        step = (places[-1] - places[0]) / (len(places) - 1)
    return stack_affine(frame.orientation, frame.pixel_spacing, step, places[0])
