"""Voxel (z, y, x) and place in the patient by a second reader, ITK, which shares no code with ours."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicom_files import save_multi_frame, save_series

from napari_unet.core.frames import DicomFrame
from napari_unet.core.padding import padded_pixels
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.io.dicom_frames import is_multi_frame
from napari_unet.io.dicom_sets import series_among
from napari_unet.io.formats import read_raster

itk: Any = pytest.importorskip("SimpleITK", reason="needs SimpleITK as a second reader")

MM = 0.01
ORIENTATIONS = {
    "straight": (1, 0, 0, 0, 1, 0),
    "prone": (-1, 0, 0, 0, -1, 0),
    "feet first": (-1, 0, 0, 0, 1, 0),
    "rows upwards": (1, 0, 0, 0, -1, 0),
    "coronal": (1, 0, 0, 0, 0, -1),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "oblique": (0.96, 0.28, 0, -0.28, 0.96, 0),
    "twice oblique": (0.96, 0.28, 0, -0.168, 0.576, 0.8),
}


def volume() -> np.ndarray:
    return (np.arange(6 * 7 * 9, dtype=np.int16).reshape(6, 7, 9) * 3 - 1000).astype(np.int16)


def by_itk(folder: Path) -> Any:
    reader = itk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def places(raster: Raster, index: np.ndarray) -> np.ndarray:
    """(L, P, S) of voxels (z, y, x)."""
    assert raster.affine is not None
    return (index @ raster.affine[:3, :3].T + raster.affine[:3, 3])[:, ::-1]


def agree(raster: Raster, image: Any) -> None:
    """Each voxel has the value that ITK finds at its place, in ITK's own order of the slices."""
    theirs = itk.GetArrayFromImage(image)
    assert theirs.shape == raster.shape
    apart = max(1, max(raster.shape[1:]) // 12)
    index = np.stack([np.ravel(axis) for axis in np.indices(raster.shape)[:, :, ::apart, ::apart]], axis=1)
    for voxel, place in zip(index, places(raster, index), strict=True):
        at = image.TransformPhysicalPointToContinuousIndex([float(mm) for mm in place])
        near = np.rint(at).astype(int)
        assert np.abs((np.array(at) - near) * image.GetSpacing()).max() < MM
        assert theirs[tuple(near[::-1])] == raster.pixels[tuple(voxel)]


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_voxels_lie_where_itk_finds_them(name: str, tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume(), orientation=ORIENTATIONS[name])
    raster = read_raster(Source.of(files))
    agree(raster, by_itk(tmp_path / "ct"))
    again = read_raster(save_multi_frame(tmp_path / "multi.dcm", files[::-1]))
    assert np.array_equal(again.pixels, raster.pixels) and np.allclose(again.affine, raster.affine)


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_the_pixels_of_one_slice_too(name: str, tmp_path: Path) -> None:
    (file,) = save_series(tmp_path / "ct", volume()[3:4], orientation=ORIENTATIONS[name])
    raster, image = read_raster(file), itk.ReadImage(str(file))
    frame = raster.frame
    assert isinstance(frame, DicomFrame) and raster.shape == (7, 9)
    along_row, along_column = np.reshape(frame.orientation, (2, 3))
    for y, x in ((0, 0), (6, 8), (2, 5)):
        across, down = along_row * frame.pixel_spacing[1] * x, along_column * frame.pixel_spacing[0] * y
        place = np.array(frame.positions[0]) + across + down
        theirs = image.TransformIndexToPhysicalPoint((x, y, 0))
        assert np.abs(place - theirs).max() < MM and image[x, y, 0] == raster.pixels[y, x]


def test_a_real_series_too(tmp_path: Path) -> None:
    data = os.environ.get("NAPARI_UNET_DATA", "")
    packed = Path(data, "ct", "lctsc_dicom", "Case_005.zip")
    if not data or not packed.is_file():
        pytest.skip("needs the data folder with ct/lctsc_dicom (NAPARI_UNET_DATA)")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    raster, image = read_raster(Source.of(files)), by_itk(files[0].parent)
    assert np.array_equal(itk.GetArrayFromImage(image), raster.pixels)
    index = np.array([(0, 0, 0), (121, 511, 511), (60, 100, 300)])
    for voxel, place in zip(index, places(raster, index), strict=True):
        theirs = image.TransformIndexToPhysicalPoint([int(k) for k in voxel[::-1]])
        assert np.abs(np.array(theirs) - place).max() < MM


UPRIGHT = (
    "dcmqi_seg/23x38x3/image",
    "dcmqi_seg/24x38x3/image",
    "dcmqi_seg/ct-3slice",
    "enhanced_ct_as_slices",
)
TILTED = ("ge_tilt_gaps", "philips_mixed")
"""Compared with each slice's own plane, and with dcm2niix, in test_dicom_tilt."""
MULTI_FRAME = (
    "enhanced_ct/volume.dcm",
    "dcmqi_seg/23x38x3/multiframe/mf.dcm",
    "dcmqi_seg/24x38x3/multiframe/mf.dcm",
    *(f"enhanced_4d_tiny/00000{k}.dcm" for k in range(4)),
)


def test_no_series_of_the_hard_files_is_left_out(hard: Path) -> None:
    found = {one.files[0].parent for one in series_among(sorted(hard.rglob("*")))}
    assert found == {hard / folder for folder in (*UPRIGHT, *TILTED)}
    several = {file for file in hard.rglob("*") if is_multi_frame(file)}
    assert several == {hard / file for file in MULTI_FRAME}


@pytest.mark.parametrize("folder", UPRIGHT)
def test_every_upright_series_of_the_hard_files_too(folder: str, hard: Path) -> None:
    """Slice by slice, so that ITK's own order of the slices does not matter."""
    (one,) = series_among(sorted((hard / folder).iterdir()))
    raster = read_raster(one.source)
    frame = raster.frame
    assert isinstance(frame, DicomFrame) and len(frame.instances) == len(raster.pixels) and not raster.notes
    headers = {file: pydicom.dcmread(file, specific_tags=["SOPInstanceUID"]) for file in one.source.files}
    files = {str(header.SOPInstanceUID): file for file, header in headers.items()}
    for z, instance in enumerate(frame.instances):
        image = itk.ReadImage(str(files[instance.sop_instance]))
        padded = padded_pixels(raster.pixels[z], raster.padding)  # what is outside of the field of view
        inside = np.True_ if padded is None else ~padded
        assert not ((itk.GetArrayFromImage(image)[0] != raster.pixels[z]) & inside).any()
        last = raster.shape[2] - 1, raster.shape[1] - 1
        for x, y in ((0, 0), last, (last[0] // 3, last[1] // 2)):
            theirs = image.TransformIndexToPhysicalPoint((x, y, 0))
            assert np.abs(places(raster, np.array([(z, y, x)]))[0] - theirs).max() < MM


@pytest.mark.parametrize("file", MULTI_FRAME)
def test_every_multi_frame_of_the_hard_files_too(file: str, hard: Path) -> None:
    raster = read_raster(hard / file)
    assert not raster.notes
    agree(raster, itk.ReadImage(str(hard / file)))
