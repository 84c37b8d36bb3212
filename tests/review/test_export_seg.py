"""DICOM segmentations out of a project: for research with their images, and for the archive."""

from __future__ import annotations

import csv
import errno
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import NUMBER, PATIENT, save, save_series
from export_rooms import READER, SECRET, Room, finished, lungs
from seg_rooms import errors, hard_series, xray_tags

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io.formats import read_labels, read_raster
from napari_unet.review.add import add_found, attach_masks, gather
from napari_unet.review.exporting.export import ExportOptions, ExportResult, Format, export_steps
from napari_unet.review.scan import scan_steps
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import AuthorKind, NewCase

_SHAPE = (60, 80)


def dicom_case(room: Room, name: str, source: Source) -> None:
    """Adds a DICOM image to the project and reads it."""
    ((case, _),) = room.project.add([NewCase(source)], READER)
    finished(scan_steps(room.project, [case]))
    room.ids[name] = case


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """xray: accepted; ct: corrected; plain: a PNG; open: an X-ray that nobody accepted."""
    made = Room(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("xray", "open"):
        pixels = rng.integers(0, 4000, _SHAPE).astype(np.uint16)
        path = save(made.sources / f"{SECRET}_{name}.dcm", pixels, **xray_tags(StudyDate="20260102"))
        dicom_case(made, name, Source.of(path))
        made.mask(name, lungs())
    made.decide("xray")
    volume = rng.integers(-1000, 400, (4, *_SHAPE)).astype(np.int16)
    dicom_case(
        made, "ct", Source.of(save_series(made.sources / f"{SECRET}_ct", volume, StudyDate="20260102"))
    )
    first = np.stack([lungs()] * 4)
    made.mask("ct", first)
    first[1:3, 50:55, 8:30] = 1
    first[0, 0, 0] = 255
    made.mask("ct", first, AuthorKind.PERSON)
    made.decide("ct")
    made.image("plain")
    made.mask("plain", lungs())
    made.decide("plain")
    yield made
    made.project.close()


def exported(room: Room, *formats: Format, **options: object) -> ExportResult:
    return finished(export_steps(room.project, room.out, formats, ExportOptions(**options)))  # type: ignore[arg-type]


def all_bytes(folder: Path) -> bytes:
    """Everything in a folder, with the names of its files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return b"\n".join(str(path.relative_to(folder)).encode() + b"\n" + path.read_bytes() for path in files)


def test_for_research_images_and_masks_fit_together_and_name_nobody(room: Room) -> None:
    result = exported(room, Format.DICOM_SEG)
    folder = room.out / "dicom-seg"
    assert set(result.exported) == {room.ids["xray"], room.ids["ct"]}
    ((case, why),) = result.left_out
    assert case == room.ids["plain"] and "refers to a DICOM image" in why
    content = all_bytes(room.out)
    sources = [
        pydicom.dcmread(path) for path in room.sources.rglob("*") if path.suffix != ".png" and path.is_file()
    ]
    secrets = {SECRET, PATIENT, NUMBER, "19500101", "20260102", READER}
    for dataset in sources:
        secrets |= {dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID}
        secrets |= {dataset.FrameOfReferenceUID} if "FrameOfReferenceUID" in dataset else set()
    for secret in secrets:
        assert str(secret).encode() not in content
    for name, images in (("xray", 1), ("ct", 4)):
        case = room.ids[name]
        seg = folder / "masks" / f"{case}_seg.dcm"
        files = sorted((folder / "images" / case).iterdir())
        assert errors(seg) == [] and len(files) == images
        image = Source(tuple(files))
        mask = room.project.read_mask(room.project.case(case).revision or "")
        assert np.array_equal(read_labels(seg, of=image).labels, np.where(mask == 255, 0, mask))
        raster, original = read_raster(image), read_raster(room.project.source(case))
        assert np.array_equal(raster.pixels, original.pixels) and raster.spacing_mm == original.spacing_mm
        for path in (seg, *files):
            made = pydicom.dcmread(path)
            assert made.PatientIdentityRemoved == "YES" and made.PatientID == made.PatientName
            assert made.StudyInstanceUID == pydicom.dcmread(files[0]).StudyInstanceUID
    assert "dcmqi" in " ".join(result.notes)


def test_an_export_for_research_is_the_beginning_of_another_review(room: Room, tmp_path: Path) -> None:
    """Images and masks find each other again by what the masks refer to, whatever they are called."""
    exported(room, Format.DICOM_SEG)
    folder = room.out / "dicom-seg"
    for k, path in enumerate(sorted((folder / "masks").iterdir())):
        path.rename(folder / "masks" / f"1.2.{k}.dcm")
    with ReviewProject.create(tmp_path / "second", "as before") as second:
        cases = [case for case, _ in add_found(second, gather([folder / "images"]), READER)]
        attached = finished(attach_masks(second, cases, folder / "masks", READER, accept=True))
        assert len(attached.attached) == len(cases) == 2 and attached.problems == ()
        assert set(attached.accepted) == set(cases)
        masks = [second.read_mask(second.case(case).revision or "") for case in cases]
    assert {mask.ndim for mask in masks} == {2, 3}
    for mask in masks:
        name = "xray" if mask.ndim == 2 else "ct"
        before = room.project.read_mask(room.project.case(room.ids[name]).revision or "")
        assert np.array_equal(mask, np.where(before == 255, 0, before))


def test_masks_alone_refer_to_nothing_and_x_rays_are_left_out(room: Room) -> None:
    result = exported(room, Format.DICOM_SEG, images=False)
    assert result.exported == (room.ids["ct"],)
    assert any("only by its image" in why for _, why in result.left_out)
    made = pydicom.dcmread(room.out / "dicom-seg" / "masks" / f"{room.ids['ct']}_seg.dcm")
    assert "ReferencedSeriesSequence" not in made and not (room.out / "dicom-seg" / "images").exists()


@pytest.mark.parametrize("kind", ["tilted", "rounded to 0.5 mm"])
def test_a_series_that_was_straightened_goes_out_with_all_its_files(
    room: Room, tmp_path: Path, kind: str
) -> None:
    source = hard_series(tmp_path / "hard", kind)
    dicom_case(room, "hard", source)
    mask = np.zeros(read_raster(source).shape, np.uint8)
    mask[2:5, 4:12, 5:15] = 1
    room.mask("hard", mask)
    room.decide("hard")
    exported(room, Format.DICOM_SEG)
    folder, case = room.out / "dicom-seg", room.ids["hard"]
    files = tuple((folder / "images" / case).iterdir())
    assert len(files) == len(source.files)
    assert np.array_equal(read_labels(folder / "masks" / f"{case}_seg.dcm", of=Source(files)).labels, mask)


def test_for_the_archive_with_patient_reader_and_history(room: Room) -> None:
    result = exported(room, Format.DICOM_SEG_ARCHIVE, left_right=True)
    folder = room.out / "dicom-seg-archive"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{room.ids[name]}_seg.dcm" for name in ("xray", "ct")
    )
    kinds = {}
    for name in ("xray", "ct"):
        path = folder / f"{room.ids[name]}_seg.dcm"
        made, source = pydicom.dcmread(path), pydicom.dcmread(room.project.source(room.ids[name]).first)
        assert errors(path) == [] and made.PatientName == PATIENT and made.PatientID == NUMBER
        assert made.StudyInstanceUID == source.StudyInstanceUID and made.ContentCreatorName == READER
        assert "UNREVIEWED" not in made.SeriesDescription
        kinds[name] = [segment.SegmentAlgorithmType for segment in made.SegmentSequence]
        assert [segment.SegmentAlgorithmName for segment in made.SegmentSequence] == ["cxr-lung"] * 2
    assert kinds == {"xray": ["AUTOMATIC"] * 2, "ct": ["SEMIAUTOMATIC"] * 2}
    readme = (room.out / "README.txt").read_text(encoding="utf-8")
    assert "CONTAINS PATIENT DATA" in readme and any("CONTAINS PATIENT DATA" in note for note in result.notes)
    assert PATIENT not in readme and "not sure" in readme
    (event,) = [event for event in room.project.events() if event.kind == "exported with patients"]
    assert event.details == {"cases": 2}


def test_the_manifest_names_files_that_are_there(room: Room) -> None:
    exported(room, Format.DICOM_SEG, Format.DICOM_SEG_ARCHIVE)
    with (room.out / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    for row in rows:
        assert (room.out / row["mask"]).is_file()
        assert bool(row["file"]) is (row["format"] == "dicom-seg")
        assert (room.out / row["file"]).is_dir()


def test_text_in_the_pixels_keeps_an_image_from_research(room: Room, tmp_path: Path) -> None:
    path = tmp_path / "burned.dcm"
    pixels = np.ones(_SHAPE, np.uint16)
    pixels[0] = 9
    save(path, pixels, **xray_tags(BurnedInAnnotation="YES"))
    dicom_case(room, "burned", Source.of(path))
    room.mask("burned", lungs())
    room.decide("burned")
    result = exported(room, Format.DICOM_SEG)
    assert any(case == room.ids["burned"] and "burned" in why for case, why in result.left_out)
    assert not list((room.out / "dicom-seg").rglob(f"*{room.ids['burned']}*"))


def test_a_full_disk_leaves_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: pydicom.Dataset, path: Path, **options: object) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pydicom.Dataset, "save_as", full)
    monkeypatch.setattr(pydicom.dataset.FileDataset, "save_as", full)
    with pytest.raises(UserError, match="disk is full"):
        exported(room, Format.DICOM_SEG)
    assert not room.out.exists() and not list(room.out.parent.glob(".out*"))
