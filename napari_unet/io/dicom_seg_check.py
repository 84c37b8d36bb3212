"""A DICOM segmentation is read again before it is said to be saved: by another program where there is one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zlib
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_unet.core.frames import DicomFrame
from napari_unet.core.geometry import RAS_TO_SPL, stack_affine
from napari_unet.core.wording import counted
from napari_unet.io.dicom import guarded, read_header
from napari_unet.io.dicom_identity import patient_and_study
from napari_unet.io.dicom_seg_read import read_seg
from napari_unet.io.dicom_seg_source import SegRefused
from napari_unet.io.temporary import temporary_folder

if TYPE_CHECKING:
    from pydicom import Dataset

READER = "segimage2itkimage"
"""dcmqi's program that turns the segments of a file into volumes."""
CHECKER = "dciodvfy"
"""dicom3tools' program that says what is wrong in a DICOM object."""
_SAME = 0.01  # of a voxel: how far a voxel may lie from its place
_SECONDS = 600
_COPY, _COPY_OF_IMAGE = "seg.dcm", "image.dcm"
_DIFFERS = "Nothing was saved. Save the mask as NIfTI, and report this."


class _DidNotWork(Exception):
    """A second program says nothing of the file, for the reason in the words."""


def read_again(
    path: Path, marked: np.ndarray, frame: DicomFrame, whose: Dataset, image: Path
) -> tuple[str, tuple[str, ...]]:
    """The program that read the file and found the same mask, and what is to be said about that.

    marked : uint8 (Z, Y, X), the segments' numbers. whose : patient and study. image : a file of the image.
    Raises SegRefused if what was read differs.
    """
    _read_here(path, marked, whose)
    program, errors = _program(READER), None
    alone = "" if program else ", since dcmqi is not installed"
    if not frame.frame_of_reference:
        alone = ": dcmqi cannot read the segmentation of a single X-ray"
    try:
        with temporary_folder() as folder:
            shutil.copyfile(path, folder / _COPY)
            errors = _new_errors(folder, image)
            if program and not alone:
                _read_by_dcmqi(program, folder, marked, frame)
    except _DidNotWork as reason:
        alone = f": dcmqi did not work ({reason})"
    except OSError as error:
        alone = alone or f": dcmqi did not work ({error.strerror or type(error).__name__})"
    notes = [f"It was read back and checked with pydicom alone{alone}."] if alone else []
    if errors:
        notes.append(
            f"dciodvfy finds {counted(errors, 'error')} in it that its image does not have: an archive may "
            "refuse it. Save the mask as NIfTI as well, and report this."
        )
    elif alone and errors == 0:
        notes = [f"{notes[0]} dciodvfy found no error in it that its image does not have."]
    return "pydicom" if alone else "dcmqi", tuple(notes)


def _program(name: str) -> str | None:
    """Where a program is, also in an environment that is not activated."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


def _new_errors(folder: Path, image: Path) -> int | None:
    """How many errors dciodvfy finds in the copy and not in the image; None if it did not check them.

    What is wrong with patient and study is wrong in the image too: they are copied as they are.
    """
    program = _program(CHECKER)
    try:
        found = _errors(program, folder) if program else None
        if program and found:
            shutil.copyfile(image, folder / _COPY_OF_IMAGE)
            found -= _errors(program, folder, _COPY_OF_IMAGE)
    except (OSError, _DidNotWork):
        return None
    return None if found is None else len(found)


def _errors(program: str, folder: Path, name: str = _COPY) -> set[bytes]:
    """What dciodvfy calls an error: lines that may quote values, and are shown nowhere."""
    lines = _run([program, name], folder).stderr.splitlines()
    unknown = not any(line.strip() and not line.startswith((b"Warning", b"Error")) for line in lines)
    if unknown:  # it names the kind of object that it has recognised
        raise _DidNotWork
    return {line for line in lines if line.startswith(b"Error")}


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        minutes = _SECONDS // 60
        raise _DidNotWork(f"it did not end within {minutes} minutes") from error


def _read_here(path: Path, marked: np.ndarray, whose: Dataset) -> None:
    seg = read_seg(path)
    found, twice = seg.labels({segment.number: segment.number for segment in seg.segments})
    if twice or found.shape != marked.shape or not np.array_equal(found, marked):
        raise SegRefused("The DICOM segmentation does not hold the mask that was written.", _DIFFERS)
    with guarded("The DICOM segmentation"):
        same = patient_and_study(read_header(path)) == whose
    if not same:
        raise SegRefused("The DICOM segmentation names another patient or study than its image.", _DIFFERS)


def _read_by_dcmqi(program: str, folder: Path, marked: np.ndarray, frame: DicomFrame) -> None:
    """Raises SegRefused unless each segment of the copy has the same voxels in the same places.

    The names in the folder are those that dcmqi understands in any language of the system.
    """
    done = _run([program, "--inputDICOM", _COPY, "--outputDirectory", ".", "--outputType", "nii"], folder)
    if done.returncode:
        raise _DidNotWork(f"it ended with code {done.returncode}")
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
    from nibabel.filebasedimages import ImageFileError

    try:
        image = nibabel.load(file)
        values = np.asanyarray(image.dataobj)
    except (EOFError, zlib.error, ImageFileError) as error:
        raise _DidNotWork("what it wrote is damaged") from error
    except MemoryError as error:
        raise _DidNotWork("the memory of this computer is full") from error
    places = to_index @ RAS_TO_SPL @ image.affine
    whole = np.rint(places)
    corners = np.array(list(product(*((0, length - 1) for length in image.shape), (1,))))
    if np.abs(corners @ (places - whole).T).max() > _SAME or (np.abs(whole[:3, :3]).sum(axis=0) != 1).any():
        return False
    axes = np.abs(whole[:3, :3]).argmax(axis=1)
    backwards = tuple(int(axis) for axis in range(3) if whole[axis, axes[axis]] < 0)
    found = np.flip(values.transpose(axes), backwards)
    begins = [whole[axis, 3] - (found.shape[axis] - 1 if axis in backwards else 0) for axis in range(3)]
    return not any(begins) and found.shape == wanted.shape and np.array_equal(found != 0, wanted)


def _affine(frame: DicomFrame) -> np.ndarray:
    """As in core.geometry."""
    places = np.array(frame.positions)
    step = np.cross(frame.orientation[:3], frame.orientation[3:])
    if len(places) > 1:
        step = (places[-1] - places[0]) / (len(places) - 1)
    return stack_affine(frame.orientation, frame.pixel_spacing, step, places[0])
