"""DICOM images without their patients."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pydicom
import pytest
from dicom_files import NUMBER, PATIENT, save
from seg_rooms import BY_MODEL, errors, errors_of, xray_tags

from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.core.lung_sides import split_left_right
from napari_unet.core.source import Source
from napari_unet.io.dicom_identity import ForResearch, NotForResearch, UidMap, write_for_research
from napari_unet.io.dicom_seg import write_seg
from napari_unet.io.formats import read_labels, read_raster

PIXELS = np.random.default_rng(0).integers(0, 4000, (20, 24)).astype(np.uint16)


def test_what_nobody_thought_of_goes_too(tmp_path: Path) -> None:
    tags = xray_tags(
        PatientComments="SECRET comment",
        InstitutionName="SECRET hospital",
        SeriesDescription="of SECRET",
        AcquisitionDate="20260102",
        DeviceSerialNumber="SECRET",
        WindowCenter="100",
        PixelSpacing=[0.2, 0.3],
    )
    path = save(tmp_path / "x.dcm", PIXELS, **tags)
    dataset = pydicom.dcmread(path)
    dataset.private_block(0x0011, "SECRET VENDOR", create=True).add_new(1, "LO", "SECRET")
    inner = pydicom.Dataset()
    inner.PatientName = PATIENT
    dataset.RequestAttributesSequence = [inner]
    dataset.save_as(path)
    research = ForResearch("case-1", images=True)
    content = write_for_research(tmp_path / "out.dcm", path, research).read_bytes()
    for secret in (
        "SECRET",
        NUMBER,
        "19500101",
        "20260102",
        dataset.StudyInstanceUID,
        dataset.SOPInstanceUID,
    ):
        assert str(secret).encode() not in content
    made, before = read_raster(tmp_path / "out.dcm"), read_raster(path)
    assert np.array_equal(made.pixels, before.pixels)
    for name in ("spacing_mm", "modality", "row_direction", "window", "inverted"):
        assert getattr(made, name) == getattr(before, name)


def test_a_second_program_reads_the_same_pixels(tmp_path: Path) -> None:
    itk = pytest.importorskip("SimpleITK", reason="needs SimpleITK as a second reader")
    path = save(tmp_path / "x.dcm", PIXELS, **xray_tags())
    image = itk.ReadImage(str(write_for_research(tmp_path / "out.dcm", path, ForResearch("case-1", True))))
    assert np.array_equal(itk.GetArrayFromImage(image)[0], PIXELS) and PATIENT not in str(image)


def test_what_is_not_read_again_as_it_was_meant_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, save_as = save(tmp_path / "x.dcm", PIXELS, **xray_tags()), pydicom.Dataset.save_as

    def damaged(dataset: pydicom.Dataset, to: Path, **options: object) -> None:
        save_as(dataset, to, **options)
        content = bytearray(Path(to).read_bytes())
        content[-7] ^= 1  # one bit of a pixel
        Path(to).write_bytes(content)

    monkeypatch.setattr(pydicom.Dataset, "save_as", damaged)
    with pytest.raises(NotForResearch, match="not what had been written"):
        write_for_research(tmp_path / "out.dcm", path, ForResearch("case-1", True))
    assert not (tmp_path / "out.dcm").exists()


def test_compressed_pixels_stay_as_they_are(tmp_path: Path) -> None:
    path = save(tmp_path / "x.dcm", PIXELS, **xray_tags())
    dataset = pydicom.dcmread(path)
    dataset.compress(pydicom.uid.RLELossless)
    dataset.save_as(path)
    write_for_research(tmp_path / "out.dcm", path, ForResearch("case-1", images=True))
    made = pydicom.dcmread(tmp_path / "out.dcm")
    assert made.file_meta.TransferSyntaxUID == pydicom.uid.RLELossless
    assert made.PixelData == dataset.PixelData and np.array_equal(made.pixel_array, PIXELS)


def test_uids_are_mapped_alike_and_never_twice_the_same() -> None:
    one, other = UidMap(), UidMap()
    assert one("1.2.3") == one("1.2.3") != one("1.2.4") and one("") == ""
    assert one("1.2.3") not in ("1.2.3", other("1.2.3"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"BurnedInAnnotation": "YES"}, "burned"),
        ({"OverlayBitPosition": 12}, "overlay"),
        ({"NumberOfFrames": 2}, "in one file"),
        ({}, "damaged"),
    ],
)
def test_images_that_may_show_a_name_or_are_damaged_are_refused(
    tmp_path: Path, change: dict[str, object], why: str
) -> None:
    path = save(tmp_path / "SECRET.dcm", PIXELS, **xray_tags())
    dataset = pydicom.dcmread(path)
    if "OverlayBitPosition" in change:
        dataset.add_new(0x60020102, "US", 12)
    else:
        dataset.update(change)
    dataset.save_as(path)
    if not change:
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(NotForResearch, match=why) as refused:
        write_for_research(tmp_path / "out.dcm", path, ForResearch("case-1", images=True))
    assert "SECRET" not in str(refused.value) and not (tmp_path / "out.dcm").exists()


@pytest.mark.data
def test_a_real_series_in_both_ways(tmp_path: Path, data: Path) -> None:
    """LCTSC Case_005 at full resolution: no error, the same mask, and the images no worse than before."""
    with ZipFile(data / "ct" / "lctsc_dicom" / "Case_005.zip") as zipped:
        zipped.extractall(tmp_path / "ct")
    files = [path for path in (tmp_path / "ct").rglob("*") if path.is_file()]
    source = Source(tuple(files))
    ct = read_raster(source)
    lung = read_labels(data / "ct" / "lctsc_dicom" / "Case_005_lung.nii.gz", of=ct).labels
    mask = split_left_right(lung, ct.row_direction)
    research = ForResearch("case-1", images=True)
    for name, way in (("a_seg.dcm", None), ("r_seg.dcm", research)):
        path = write_seg(tmp_path / name, mask, ct, RIGHT_AND_LEFT, BY_MODEL, way, source).path
        assert errors(path) == [] and np.array_equal(read_labels(path).labels, mask)
    write_for_research(tmp_path / "image.dcm", files[0], research)
    assert set(errors_of(tmp_path / "image.dcm")) <= set(errors_of(files[0]))
