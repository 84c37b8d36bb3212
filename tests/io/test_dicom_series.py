"""DICOM series as volumes: order, place in the patient, values; and what is refused."""

from __future__ import annotations

import os
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from dicom_files import NUMBER, PATIENT, change, save_multi_frame, save_series
from pydicom.uid import generate_uid

from napari_unet.core.acquisition import Acquisition
from napari_unet.core.errors import UserError
from napari_unet.core.frames import DicomFrame
from napari_unet.core.raster import Modality
from napari_unet.core.source import Source
from napari_unet.io import dicom_slices
from napari_unet.io.formats import mask_suffix, read_labels, read_raster, write_mask

SPACING = (2.5, 0.75, 0.5)
UPRIGHT = {
    "straight": (1, 0, 0, 0, 1, 0),
    "prone": (-1, 0, 0, 0, -1, 0),
    "feet first": (-1, 0, 0, 0, 1, 0),
    "coronal": (1, 0, 0, 0, 0, -1),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "oblique": (0.96, 0.28, 0, -0.28, 0.96, 0),
    "twice oblique": (0.96, 0.28, 0, -0.168, 0.576, 0.8),
}


def volume(depth: int = 6) -> np.ndarray:
    """int16 HU (Z, Y, X); no two voxels are alike."""
    return (np.arange(depth * 7 * 9, dtype=np.int16).reshape(depth, 7, 9) * 3 - 1000).astype(np.int16)


def patient_mm(path: Path, row: int, column: int) -> np.ndarray:
    """(superior, posterior, left) of a pixel's centre by the standard's formula (PS3.3 C.7.6.2.1.1)."""
    header = pydicom.dcmread(path, stop_before_pixels=True)
    x, y = np.array(header.ImageOrientationPatient, float).reshape(2, 3)
    down, across = map(float, header.PixelSpacing)
    return (np.array(header.ImagePositionPatient, float) + x * across * column + y * down * row)[::-1]


def test_slices_are_ordered_by_their_place_and_by_nothing_else(tmp_path: Path) -> None:
    files = save_series(tmp_path / "thorax", volume())
    assert sorted(files) != files
    raster = read_raster(Source.of(files))
    assert raster.pixels.dtype == np.int16 and np.array_equal(raster.pixels, volume())
    assert raster.spacing_mm == pytest.approx(SPACING) and raster.modality == Modality.CT
    assert (raster.row_direction, raster.inverted, raster.source) == ("L", False, str(tmp_path / "thorax"))
    assert PATIENT not in repr(raster) and NUMBER not in repr(raster)


@pytest.mark.parametrize("name", UPRIGHT)
def test_each_voxel_is_where_its_slice_says(name: str, tmp_path: Path) -> None:
    files = save_series(tmp_path, volume(), orientation=UPRIGHT[name])
    raster = read_raster(Source.of(files))
    assert np.array_equal(raster.pixels, volume()) and raster.affine is not None
    for z, row, column in ((0, 0, 0), (5, 6, 8), (3, 2, 7)):
        place = raster.affine @ (z, row, column, 1)
        assert np.abs(place[:3] - patient_mm(files[z], row, column)).max() < 1e-3


@pytest.mark.parametrize("name", UPRIGHT)
def test_a_mask_as_nifti_lies_where_the_series_does(name: str, tmp_path: Path) -> None:
    files = save_series(tmp_path / "s", volume(), orientation=UPRIGHT[name])
    raster = read_raster(Source.of(files))
    mask = np.zeros(raster.shape, np.uint8)
    mask[4, 1, 6] = 2
    assert mask_suffix(raster) == ".nii.gz"
    saved = nibabel.load(write_mask(tmp_path / "m.nii.gz", mask, raster))
    (voxel,) = np.argwhere(np.asarray(saved.dataobj) == 2)
    right, anterior, superior = nibabel.affines.apply_affine(saved.affine, voxel)
    assert np.abs(np.array([superior, -anterior, -right]) - patient_mm(files[4], 1, 6)).max() < 1e-3
    found = read_labels(tmp_path / "m.nii.gz", any_label=True, of=Source.of(files))
    assert np.array_equal(found.labels, mask)  # and back, by the headers alone


def test_each_slice_has_its_own_rescale(tmp_path: Path) -> None:
    files = save_series(tmp_path, volume(3))
    change(files[1], RescaleSlope=2, RescaleIntercept=-500)
    pixels = read_raster(Source.of(files)).pixels
    assert np.array_equal(pixels[[0, 2]], volume(3)[[0, 2]])
    assert np.array_equal(pixels[1], (volume(3)[1] + 1024) * 2 - 500)
    change(files[2], RescaleSlope="0.5")
    pixels = read_raster(Source.of(files)).pixels
    assert pixels.dtype == np.float32 and np.array_equal(pixels[0], volume(3)[0])
    assert pixels[2] == pytest.approx((volume(3)[2] + 1024) * 0.5 - 1024)


def test_values_beyond_16_bits_are_kept(tmp_path: Path) -> None:
    files = save_series(tmp_path, volume(3))
    change(files[2], RescaleSlope=400, RescaleIntercept=0)
    pixels = read_raster(Source.of(files)).pixels
    assert pixels.dtype == np.int32 and pixels.max() == (int(volume(3).max()) + 1024) * 400


def test_padding_is_darker_than_the_whole_volume(tmp_path: Path) -> None:
    hu = volume(4)
    hu[1:3, 0] = -1024  # stored as 0
    raster = read_raster(
        Source.of(save_series(tmp_path, hu, PixelPaddingValue=0, WindowCenter=-600, WindowWidth=1500))
    )
    assert raster.padding == (-1001.0, -1001.0) and (raster.pixels[1:3, 0] == -1001).all()
    inside = np.ones(hu.shape, bool)
    inside[1:3, 0] = False
    assert np.array_equal(raster.pixels[inside], hu[inside])
    assert raster.window == pytest.approx((-1350, 149))


def test_the_frame_names_each_slice_in_the_order_of_the_array(tmp_path: Path) -> None:
    files = save_series(tmp_path, volume())
    frame = read_raster(Source.of(files)).frame
    assert isinstance(frame, DicomFrame)
    headers = [pydicom.dcmread(file) for file in files]
    assert [one.sop_instance for one in frame.instances] == [header.SOPInstanceUID for header in headers]
    assert {one.sop_class for one in frame.instances} == {headers[0].SOPClassUID}
    assert (frame.study, frame.series) == (headers[0].StudyInstanceUID, headers[0].SeriesInstanceUID)
    assert frame.frame_of_reference == headers[0].FrameOfReferenceUID
    assert frame.positions[5] == pytest.approx(list(headers[5].ImagePositionPatient))
    assert frame.orientation == (1, 0, 0, 0, 1, 0) and frame.pixel_spacing == (0.75, 0.5)
    assert frame.series not in repr(frame) and pickle.loads(pickle.dumps(frame)) == frame


def test_a_single_image_has_its_frame_too(tmp_path: Path) -> None:
    (file,) = save_series(tmp_path, volume(1), PatientOrientation=["L", "F"])
    raster = read_raster(file)
    assert raster.shape == (7, 9) and isinstance(raster.frame, DicomFrame)
    assert raster.frame.instances[0].sop_instance == pydicom.dcmread(file).SOPInstanceUID
    assert raster.frame.patient_orientation == ("L", "F") and mask_suffix(raster) == ".png"


def refused(files: list[Path]) -> UserError:
    with pytest.raises(UserError) as error:
        read_raster(Source.of(files))
    assert PATIENT not in str(error.value) and NUMBER not in str(error.value) and error.value.remedy
    return error.value


def test_slices_at_one_place(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    change(files[2], ImagePositionPatient=list(pydicom.dcmread(files[3]).ImagePositionPatient))
    said = refused(files).problem
    assert "have the same position" in said and files[2].name in said and files[3].name in said


def test_two_phases_are_refused_after_two_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thousands of slices, no more pixels are read than it takes to find that they are no copies."""
    same = {"SeriesInstanceUID": "1.2", "FrameOfReferenceUID": "1.3"}
    first = save_series(tmp_path / "DOE^JANE", volume(), **same)
    other = save_series(tmp_path / "b", volume()[::-1], **same)
    read = []
    monkeypatch.setattr(dicom_slices, "load", lambda path: read.append(path) or pydicom.dcmread(path))
    said = refused([*first, *other]).problem
    assert len(read) == 2 and read[0].name == read[1].name
    assert f"two files called {read[0].name}, in different folders, and there are 5 more such pairs" in said
    assert "DOE" not in said


def test_places_that_were_rounded_are_even(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    for k, file in enumerate(files):
        change(file, ImagePositionPatient=[-100, -120, round(-300 + k * 1.25 + 0.01, 1)])
    assert read_raster(Source.of(files)).spacing_mm == pytest.approx((1.25, 0.75, 0.5), abs=0.02)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, "are not parallel"),
        ({"PixelSpacing": [1, 1]}, "pixels of several sizes"),
        ({"ImagePositionPatient": None}, "does not give its position in the patient"),
        ({"ImageOrientationPatient": None}, "does not give its position in the patient"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "does not give its position in the patient"),
        ({"PixelSpacing": None}, "does not give its pixel size"),
        ({"SeriesInstanceUID": generate_uid()}, "belong to 2 series"),
        ({"FrameOfReferenceUID": generate_uid()}, "2 frames of reference"),
        ({"NumberOfFrames": 3}, "contains several images"),
        ({"RescaleSlope": None, "RescaleIntercept": None}, "1 of the 6 slices .* Hounsfield units: IM"),
        ({"PixelData": b""}, "damaged|not as large"),
    ],
)
def test_a_slice_that_is_not_like_the_others(tags: dict[str, object], words: str, tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    change(files[3], **tags)
    with pytest.raises(UserError, match=words):
        read_raster(Source.of(files))
    assert refused(files)


def test_two_sizes(tmp_path: Path) -> None:
    uid = generate_uid()
    files = save_series(tmp_path / "ct", volume(), SeriesInstanceUID=uid, FrameOfReferenceUID=uid)
    small = {"SeriesInstanceUID": uid, "FrameOfReferenceUID": uid, "origin": (-100, -120, -285)}
    files += save_series(tmp_path / "ct" / "b", volume(2)[:, :5, :5], **small)
    assert "several sizes (7 × 9 and 5 × 5 pixels)" in refused(files).problem


def test_files_that_are_gone_cut_off_or_none(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    whole = files[2].read_bytes()
    files[2].write_bytes(whole[:-30])
    assert files[2].name in refused(files).problem
    files[2].write_bytes(whole[:400])
    assert files[2].name in refused(files).problem
    files[2].write_bytes(b"no image")
    assert "not a DICOM file" in refused(files).problem
    files[2].unlink()
    assert "is missing (1 of 6 files)" in refused(files).problem


def test_a_real_series_with_scrambled_names(tmp_path: Path) -> None:
    folder = data_folder("ct", "lctsc_dicom")
    with zipfile.ZipFile(folder / "Case_005.zip") as archive:
        archive.extractall(tmp_path)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    source = Source.of(files)
    raster = read_raster(source)
    assert raster.shape == (122, 512, 512) and isinstance(raster.frame, DicomFrame)
    by_uid = {str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID): file for file in files}
    for z in (0, 60, 121):
        file = by_uid[raster.frame.instances[z].sop_instance]
        assert np.abs((raster.affine @ (z, 100, 300, 1))[:3] - patient_mm(file, 100, 300)).max() < 0.01
        dataset = pydicom.dcmread(file)
        hu = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        assert np.array_equal(raster.pixels[z], hu)
    reference = read_labels(folder / "Case_005_lung.nii.gz", of=source).labels
    assert reference.shape == raster.shape and -900 < raster.pixels[reference > 0].mean() < -600
    saved = nibabel.load(write_mask(tmp_path / "m.nii.gz", reference > 0, raster))
    theirs = nibabel.load(folder / "Case_005_lung.nii.gz")
    assert np.allclose(saved.affine, theirs.affine, atol=0.01)
    assert np.array_equal(np.asarray(saved.dataobj) > 0, np.asarray(theirs.dataobj) > 0)


def test_reading_needs_little_more_memory_than_the_volume(tmp_path: Path) -> None:
    hu = np.random.default_rng(0).integers(-900, 900, (24, 512, 512)).astype(np.int16)
    hu[:, :40] = -1024  # stored as 0
    source = Source.of(save_series(tmp_path / "ct", hu, PixelPaddingValue=0))
    tracemalloc.start()
    try:
        raster = read_raster(source)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert raster.padding is not None and raster.pixels.dtype == np.int16
    few_slices, bits = 16 * 2**20, raster.pixels.size / 8
    assert peak < raster.pixels.nbytes + bits + few_slices


def data_folder(*parts: str) -> Path:
    data = os.environ.get("NAPARI_UNET_DATA", "")
    folder = Path(data, *parts)
    if not data or not folder.is_dir():
        pytest.skip(f"needs the data folder with {'/'.join(parts)} (NAPARI_UNET_DATA)")
    return folder


def test_how_a_ct_was_made_is_read_and_the_agent_s_name_is_not_kept(tmp_path: Path) -> None:
    tags = {"Manufacturer": "GE MEDICAL SYSTEMS", "ConvolutionKernel": "STANDARD", "SliceThickness": 1.25}
    files = save_series(tmp_path / "one", volume(), **tags, ContrastBolusAgent="OMNIPAQUE for DOE^JANE")
    found = read_raster(Source.of(files)).acquisition
    assert found == Acquisition("STANDARD", "soft", "given", 1.25)
    frames = save_multi_frame(tmp_path / "frames", files, Manufacturer="GE", ContrastBolusRoute="ORAL")
    assert read_raster(Source.of(frames)).acquisition == Acquisition(contrast="given")
    silent = read_raster(Source.of(save_series(tmp_path / "two", volume()))).acquisition
    assert silent == Acquisition()
    assert read_raster(Source.of(save_series(tmp_path / "mr", volume(), Modality="MR"))).acquisition is None
    tags = {"ContrastBolusAgent": "UNKNOWN", "ContrastBolusRoute": "NONE"}
    empty = read_raster(Source.of(save_series(tmp_path / "three", volume(), **tags))).acquisition
    assert empty == Acquisition()
