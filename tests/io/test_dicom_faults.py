"""DICOM series that are not as they should be: what is done with them, and what is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from dicom_files import change, save_multi_frame, save_series
from pydicom.uid import MRImageStorage

from napari_unet.core.errors import UserError
from napari_unet.core.frames import DicomFrame, Instance
from napari_unet.core.raster import Modality, Raster, hounsfield, modality_of
from napari_unet.core.source import Source
from napari_unet.io.formats import geometry_of, read_raster
from napari_unet.io.series_list import series_infos
from napari_unet.io.sources import sources_among

SPACING = (2.5, 0.75, 0.5)


def volume(depth: int = 8) -> np.ndarray:
    """int16 HU (Z, Y, X) that rise evenly along each axis."""
    z, y, x = np.mgrid[:depth, :7, :9]
    return (z * 50 + y * 7 + x * 3 - 900).astype(np.int16)


def read(files: list[Path]) -> Raster:
    """A series with its geometry, by headers alone too; no file is named in its notes."""
    raster, geometry = read_raster(Source.of(files)), geometry_of(Source.of(files))
    assert geometry is not None and geometry.shape == raster.shape
    assert np.allclose(geometry.affine, raster.affine) and isinstance(raster.frame, DicomFrame)
    assert len(raster.frame.instances) == len(raster.frame.positions) == len(raster.pixels)
    assert not any(file.name in note for note in raster.notes for file in files)
    for z, place in enumerate(raster.frame.positions):
        assert np.abs((raster.affine @ (z, 0, 0, 1))[:3] - place[::-1]).max() < 0.01
    return raster


def test_missing_slices_stay_empty_and_are_told(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume(), spacing_mm=SPACING)
    raster = read(files[:2] + files[4:])
    assert raster.shape == (8, 7, 9) and raster.spacing_mm == pytest.approx(SPACING)
    assert raster.padding is not None and (raster.pixels[2:4] == raster.padding[0]).all()
    assert np.array_equal(raster.pixels[[0, 1, 4, 5, 6, 7]], volume()[[0, 1, 4, 5, 6, 7]])
    (note,) = raster.notes
    assert "2 slices of the series are missing and left empty, the first after slice 2" in note
    assert "up to 7.5 mm" in note and "elsewhere 2.5 mm" in note
    assert raster.frame.instances[2:4] == (Instance("", ""),) * 2 and raster.frame.resampled
    assert "1 slice of the series is missing" in read(files[:6] + files[7:]).notes[0]


def test_too_few_slices_for_their_gaps(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume(20), spacing_mm=SPACING)
    with pytest.raises(UserError, match=r"too few to fill the gaps: 2\.5 to 45 mm"):
        read_raster(Source.of([*files[:2], files[-1]]))


def test_uneven_slices_are_computed_where_they_should_lie(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume(), spacing_mm=SPACING)
    heights = [0, 2.5, 5, 7.5, 11, 14.5, 18, 21.5]
    for file, height in zip(files, heights, strict=True):
        change(file, ImagePositionPatient=[-100, -120, -300 + height])
        hu = 20 * height + volume(1)[0]  # so that values tell the height
        change(file, PixelData=np.rint(hu + 1024).astype(np.uint16).tobytes())
    raster = read(files)
    step = raster.spacing_mm[0]
    assert step * (len(raster.pixels) - 1) == pytest.approx(21.5) and step == pytest.approx(2.5, abs=0.2)
    for z, pixels in enumerate(raster.pixels):
        assert np.abs(pixels - (20 * z * step + volume(1)[0])).max() <= 20 * 0.05 + 0.5
    (note,) = raster.notes
    assert "not evenly spaced (2.5 to 3.5 mm)" in note and "computed from their neighbours" in note
    kept = [instance for instance in raster.frame.instances if instance.sop_instance]
    assert 0 < len(kept) < len(raster.pixels) and raster.frame.resampled


def test_copies_are_taken_once_and_told(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume(), spacing_mm=SPACING)
    same, again = tmp_path / "ct" / "same", tmp_path / "ct" / "again"
    shutil.copy(files[2], same)
    raster = read([*files, same])
    assert np.array_equal(raster.pixels, volume())
    assert raster.notes == ("1 slice is there twice and was taken once.",)
    shutil.copy(files[5], again)
    change(again, SOPInstanceUID=pydicom.uid.generate_uid())  # as some archives send it a second time
    raster = read([*files, same, again])
    assert np.array_equal(raster.pixels, volume()) and not raster.frame.resampled
    assert raster.notes == ("2 files are copies of other slices and were ignored.",)
    with pytest.raises(UserError, match="copies of one slice"):
        read_raster(Source.of([files[2], same]))


_SHARED = "Several slices share one identifier (SOPInstanceUID), which should be unique"


def test_slices_that_share_an_identifier_are_all_kept(tmp_path: Path) -> None:
    """As bad anonymisers leave them."""
    files = save_series(tmp_path / "ct", volume(), spacing_mm=SPACING)
    assert not read(files).frame.shared_uids
    change(files[2], SOPInstanceUID=pydicom.dcmread(files[5]).SOPInstanceUID)
    raster = read(files)
    assert np.array_equal(raster.pixels, volume()) and raster.frame.shared_uids
    (note,) = raster.notes
    assert note.startswith(_SHARED)
    for file in files:
        change(file, SOPInstanceUID="1.2.3")
    assert np.array_equal(read(files).pixels, volume())
    again = tmp_path / "ct" / "again"
    shutil.copy(files[4], again)
    copied = read([*files, again])
    assert np.array_equal(copied.pixels, volume()) and len(copied.notes) == 2
    change(again, PixelData=bytes(2 * volume()[0].size))  # another image at that place: a second phase
    with pytest.raises(UserError, match="have the same position"):
        read_raster(Source.of([*files, again]))


def test_slices_that_share_an_identifier_are_one_series_in_their_own_folders(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume(), spacing_mm=SPACING, SOPInstanceUID="1.2.3")
    moved = []
    for file in files:
        (tmp_path / f"of_{file.name}").mkdir()
        moved.append(file.rename(tmp_path / f"of_{file.name}" / "IM1"))
    (source,) = sources_among(moved)
    assert np.array_equal(read_raster(source).pixels, volume())


def test_a_series_without_rescale_says_so(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    for file in files:
        change(file, RescaleSlope=None, RescaleIntercept=None)
    raster = read(files)
    assert np.array_equal(raster.pixels, volume() + 1024)
    assert raster.notes == (
        "No slice says how its values become Hounsfield units (rescale): the stored values were used.",
    )
    for file in files:
        change(file, Modality="MR", SOPClassUID=MRImageStorage)
    assert read(files).notes == ()


_NO_RESCALE = (
    {"RescaleSlope": "", "RescaleIntercept": ""},
    {"RescaleSlope": 0},
    {"RescaleIntercept": None},
    {"RescaleIntercept": ""},
)


@pytest.mark.parametrize("tags", _NO_RESCALE)
def test_an_incomplete_rescale_is_none(tags: dict[str, object], tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    change(files[3], **tags)
    with pytest.raises(UserError, match=r"1 of the 8 slices .* Hounsfield units: IM"):
        read_raster(Source.of(files))
    single = read_raster(files[3])
    (note,) = single.notes
    assert "does not say how its values become Hounsfield units" in note
    assert np.array_equal(single.pixels, volume()[3] + 1024)
    for file in (*files[:3], *files[4:]):
        change(file, **tags)
    raster = read(files)
    assert np.array_equal(raster.pixels, volume() + 1024)
    assert [note.partition(" (")[0] for note in raster.notes] == [
        "No slice says how its values become Hounsfield units"
    ]


def test_other_machines_may_leave_out_one_half_of_the_rescale(tmp_path: Path) -> None:
    files = save_series(tmp_path / "mr", volume(), Modality="MR", SOPClassUID=MRImageStorage, RescaleSlope=2)
    for file in files:
        change(file, RescaleIntercept=None)
    raster = read(files)
    assert np.array_equal(raster.pixels, (volume().astype(int) + 1024) * 2) and raster.notes == ()
    assert read_raster(files[0]).notes == ()


@pytest.mark.parametrize("outside", [-2000, -2048, -3024])
def test_what_lies_outside_of_the_field_of_view_is_padding(outside: int, tmp_path: Path) -> None:
    hu, field = volume(), np.ones((7, 9), bool)
    field[[0, 0, 0, -1, -1], [0, 1, -1, 0, -1]] = False
    hu[:, ~field] = outside
    hu[3, 3, 4] = -1700  # beside metal
    files = save_series(tmp_path / "ct", np.maximum(hu, -1024), spacing_mm=SPACING)
    for file, pixels in zip(files, hu, strict=True):
        change(file, PixelRepresentation=1, RescaleIntercept=0, PixelData=pixels.tobytes())
    raster = read(files)
    assert raster.padding == (-895.0, -895.0) and (raster.pixels[:, ~field] == -895).all()
    inside = np.broadcast_to(field, hu.shape) & (hu > -1500)
    assert np.array_equal(raster.pixels[inside], hu[inside])
    single = read_raster(files[0])
    assert single.padding is not None and (single.pixels[~field] == single.padding[0]).all()
    nibabel.save(nibabel.Nifti1Image(hu.T, np.diag([-0.5, -0.75, 2.5, 1])), tmp_path / "ct.nii.gz")
    assert np.array_equal(read_raster(tmp_path / "ct.nii.gz").pixels, raster.pixels)


def test_low_values_inside_of_the_image_alone_are_no_padding(tmp_path: Path) -> None:
    hu = volume()
    hu[3, 3, 2:6] = -1700
    files = save_series(tmp_path / "ct", np.maximum(hu, -1024))
    for file, pixels in zip(files, hu, strict=True):
        change(file, PixelRepresentation=1, RescaleIntercept=0, PixelData=pixels.tobytes())
    raster = read(files)
    assert raster.padding is None and np.array_equal(raster.pixels, hu)


def test_a_tilt_that_only_the_header_knows_is_said(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume(), spacing_mm=SPACING, GantryDetectorTilt=-20)
    (note,) = read(files).notes
    assert note.startswith("The header also says that the gantry was tilted by 20°. The places of the slices")
    for degrees in (0.4, "", None):
        for file in files:
            change(file, GantryDetectorTilt=degrees)
        assert read(files).notes == ()
    plane = (1, 0, 0, 0, np.cos(np.radians(20)), -np.sin(np.radians(20)))  # which the slices show themselves
    assert read(save_series(tmp_path / "b", volume(), orientation=plane, GantryDetectorTilt=20)).notes == ()
    for k, file in enumerate(files):
        change(file, GantryDetectorTilt=18, ImagePositionPatient=[-100, -120 + k * 0.8, -300 + k * 2.5])
    (note,) = read_raster(Source.of(files)).notes
    assert "straightened" in note


@pytest.mark.parametrize(
    ("unit", "words"),
    [("Z_EFF", "effective atomic number"), ("MGML", "mg/ml"), ("SECRET^PATIENT", "another unit")],
)
def test_values_that_are_no_hounsfield_units_are_no_ct(unit: str, words: str, tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume(), RescaleType=unit, SeriesDescription="Spectral")
    multi = save_multi_frame(tmp_path / "multi.dcm", files, RescaleType=unit)
    for raster in (read(files), read_raster(files[0]), read_raster(multi)):
        (note,) = raster.notes
        assert note.startswith(f"By the header, the values are not Hounsfield units but {words}: ")
        assert raster.modality is Modality.MAP and raster.acquisition is None
        assert hounsfield(raster) is None and modality_of(raster) is Modality.MAP
    (info,) = series_infos([Source.of(files)])
    assert info.description == f"Spectral [{words}]"
    change(files[0], RescaleType="HU")
    with pytest.raises(UserError, match="values of several units"):
        read_raster(Source.of(files))
    for file in files:
        change(file, RescaleType="US")
    assert read(files).notes == () and read(files).modality is Modality.CT


def test_a_map_beside_its_ct_in_one_series_is_a_stack_of_its_own(tmp_path: Path) -> None:
    same = {"SeriesInstanceUID": "1.2", "FrameOfReferenceUID": "1.3"}
    ct = save_series(tmp_path / "a", volume(), RescaleType="HU", **same)
    tissue = save_series(tmp_path / "b", volume(), RescaleType="Z_EFF", **same)
    assert sources_among([*ct, *tissue]) == [Source.of(ct), Source.of(tissue)]


@pytest.mark.parametrize(("off", "said"), [(0.09, "0.09"), (0.03, "0.03"), (0.005, ""), (0.0, "")])
def test_how_far_slices_lie_from_where_they_are_shown_is_said(off: float, said: str, tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume(), spacing_mm=(5, 0.75, 0.5))
    change(files[3], ImagePositionPatient=[-100, -120, -285 + off])
    notes = read_raster(Source.of(files)).notes
    words = f"Stored slices lie up to {said} mm beside the evenly spaced places at which they are shown."
    assert notes == ((words,) if said else ())


def test_places_that_were_rounded_to_tenths_are_not_worth_a_word(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    for k, file in enumerate(files):
        change(file, ImagePositionPatient=[-100, -120, round(-300 + k * 1.25 + 0.01, 1)])
    assert read_raster(Source.of(files)).notes == ()


def test_a_truncated_file_in_the_middle_is_named(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    files[3].write_bytes(files[3].read_bytes()[:-40])
    with pytest.raises(UserError, match=f"{files[3].name} is damaged or incomplete"):
        read_raster(Source.of(files))
