"""Masks out of a project: read again by the libraries that others use."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from export_rooms import AFFINE, READER, SECRET, Room, finished, lungs, reviewed
from PIL import Image, ImageDraw, ImageFont

from napari_unet.core.errors import UserError
from napari_unet.io import atomic
from napari_unet.review.exporting.export import ExportOptions, ExportResult, Format, Ratios, export_steps
from napari_unet.review.types import Author, AuthorKind, NewCase, Status
from napari_unet.training.data_folder import find_pairs
from napari_unet.training.recipe import DataConfig


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = reviewed(tmp_path)
    yield made
    made.project.close()


def exported(room: Room, *formats: Format, **options: object) -> ExportResult:
    return finished(export_steps(room.project, room.out, formats, ExportOptions(**options)))  # type: ignore[arg-type]


def manifest(room: Room) -> list[dict[str, str]]:
    with (room.out / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_pictures_with_their_masks(room: Room) -> None:
    result = exported(room, Format.PNG)
    plain, fixed, volume = (room.ids[name] for name in ("plain", "fixed", "volume"))
    assert result.exported == (plain, fixed)
    assert result.left_out == ((volume, "png: PNG cannot store stacks; use tiff or nifti"),)
    mask = np.array(Image.open(room.out / "png" / "masks" / f"{fixed}.png"))
    assert set(np.unique(mask)) == {0, 1, 255}
    assert np.array_equal(mask, room.project.read_mask(room.project.case(fixed).revision or ""))
    image = np.array(Image.open(room.out / "png" / "images" / f"{plain}.png"))
    assert np.array_equal(image, np.array(Image.open(room.project.source(plain))))


def test_left_and_right(room: Room) -> None:
    exported(room, Format.TIFF, left_right=True)
    mask = tifffile.imread(room.out / "tiff" / "masks" / f"{room.ids['fixed']}.tif")
    assert set(np.unique(mask[:, :40])) == {0, 1, 255}
    assert set(np.unique(mask[:, 40:])) == {0, 2}


def test_nifti_has_the_affine_and_order_of_its_source(room: Room) -> None:
    exported(room, Format.NIFTI)
    name = f"{room.ids['volume']}.nii.gz"
    mask, image = (nibabel.load(room.out / "nifti" / kind / name) for kind in ("masks", "images"))
    source = nibabel.load(room.project.source(room.ids["volume"]))
    for written in (mask, image):
        assert np.allclose(written.affine, AFFINE)
        assert written.header.get_zooms() == source.header.get_zooms()
    assert np.array_equal(np.asanyarray(image.dataobj), np.asanyarray(source.dataobj))
    there = np.asanyarray(mask.dataobj)
    assert set(np.unique(there)) == {0, 1}
    assert there.shape == (80, 60, 5)
    assert np.count_nonzero(there) == 4 * np.count_nonzero(lungs())


def test_coco_is_read_by_pycocotools(room: Room, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO

    exported(room, Format.COCO, ratios=Ratios(1, 0, 0))
    for kind in ("rle", "polygons"):
        coco = COCO(str(room.out / "coco" / "annotations" / f"lungs_train_{kind}.json"))
        by_name = {image["file_name"]: number for number, image in coco.imgs.items()}
        assert len(by_name) == 2 + 4, "two images and the four slices that hold a mask"
        for image in coco.imgs.values():
            with Image.open(room.out / "coco" / "images" / image["file_name"]) as picture:
                assert picture.size == (image["width"], image["height"])
        fixed = coco.loadAnns(coco.getAnnIds(imgIds=[by_name[f"{room.ids['fixed']}.png"]]))
        (lung,) = [one for one in fixed if not one["iscrowd"]]
        (ignored,) = [one for one in fixed if one["iscrowd"]]
        labels = room.project.read_mask(room.project.case(room.ids["fixed"]).revision or "")
        assert np.array_equal(coco.annToMask(lung), labels == 1)
        assert np.array_equal(coco.annToMask(ignored), labels == 255)
        assert lung["area"] == np.count_nonzero(labels == 1)
        assert lung["bbox"] == [8, 10, 64, 45]


def test_an_exported_folder_can_be_trained_with(room: Room) -> None:
    exported(room, Format.PNG, ratios=Ratios(0, 1, 0))
    pairs = find_pairs(DataConfig(folder=str(room.out / "png"), manifest="manifest.csv"))
    assert {pair.image.stem for pair in pairs} == {room.ids["plain"], room.ids["fixed"]}
    assert {pair.split for pair in pairs} == {"val"}
    assert len({pair.patient for pair in pairs}) == 2


def test_the_manifest(room: Room) -> None:
    result = exported(room, Format.PNG, Format.NIFTI)
    rows = manifest(room)
    assert Counter(row["format"] for row in rows) == {"png": 2, "nifti": 3}
    splits = {row["case"]: row["split"] for row in rows}
    assert Counter(splits.values()) == result.splits
    for row in rows:
        case = room.project.case(row["case"])
        assert row["status"] == case.status
        assert row["patient"] == case.patient
        assert row["revision"] == room.project.revision(case.revision or "").sha256
        assert (room.out / row["file"]).is_file()
        assert (room.out / row["mask"]).is_file()


def test_masks_only(room: Room) -> None:
    exported(room, Format.PNG, images=False)
    assert not (room.out / "png" / "images").exists()
    assert {row["file"] for row in manifest(room)} == {""}


def contents(path: Path) -> bytes:
    """A file's bytes, with what is packed in them unpacked."""
    raw = path.read_bytes()
    if path.name.endswith(".gz"):
        return raw + gzip.decompress(raw)
    if path.suffix == ".png":
        with Image.open(io.BytesIO(raw)) as picture:
            return raw + repr(picture.info).encode()
    return raw


def test_no_name_or_path_leaves_the_project(room: Room) -> None:
    result = exported(room, *Format)
    for path in room.out.rglob("*"):
        assert SECRET not in path.name
        if path.is_file():
            for word in (SECRET, "hospital", READER, "Other Person"):
                assert word.encode() not in contents(path), path
    assert SECRET not in str(result)


def test_a_patient_is_in_one_split_whatever_is_accepted(room: Room) -> None:
    for number in range(12):
        room.image(f"more{number}", f"patient {number % 5}")
        room.mask(f"more{number}", lungs())
        room.decide(f"more{number}")
    exported(room, Format.PNG, images=False, seed=3)
    splits: dict[str, set[str]] = {}
    for row in manifest(room):
        splits.setdefault(row["patient"] or row["case"], set()).add(row["split"])
    assert all(len(there) == 1 for there in splits.values())
    before = {row["case"]: row["split"] for row in manifest(room)}
    room.out = room.out.with_name("again")
    room.decide("more3", Status.SECOND_LOOK)
    exported(room, Format.PNG, images=False, seed=3)
    after = {row["case"]: row["split"] for row in manifest(room)}
    assert after == {case: split for case, split in before.items() if case != room.ids["more3"]}


def test_changed_and_missing_images_are_left_out(room: Room) -> None:
    plain, fixed = room.project.source(room.ids["plain"]), room.project.source(room.ids["fixed"])
    Image.fromarray(np.zeros((60, 80), np.uint8)).save(plain)
    fixed.first.unlink()
    result = exported(room, Format.NIFTI)
    assert result.exported == (room.ids["volume"],)
    assert dict(result.left_out) == {
        room.ids["plain"]: "its image file has changed since it was added",
        room.ids["fixed"]: "its image file is missing",
    }
    told = (room.out / "README.txt").read_text("utf-8")
    assert all(f"{case}: {why}" in told for case, why in result.left_out)


def test_a_damaged_mask_is_left_out(room: Room) -> None:
    case = room.project.case(room.ids["plain"])
    (room.project.folder / room.project.revision(case.revision or "").file).write_bytes(b"?")
    result = exported(room, Format.NIFTI)
    assert dict(result.left_out) == {case.id: "its mask is damaged; `review verify` has details"}


def test_text_in_an_image_is_told(room: Room) -> None:
    picture = Image.fromarray(np.full((400, 400), 60, np.uint8))
    font = ImageFont.load_default(20)
    ImageDraw.Draw(picture).text((10, 360), "MUELLER, ANNA 1956", fill=255, font=font)
    case = room.image("written", pixels=np.array(picture))
    room.mask("written", lungs((400, 400)))
    room.decide("written")
    assert exported(room, Format.PNG).text == (case,)
    assert f"  {case}" in (room.out / "README.txt").read_text("utf-8")
    room.out = room.out.with_name("masks")
    assert exported(room, Format.PNG, images=False).text == (), "no image leaves"


def test_existing_folders_are_refused_and_empty_ones_taken(room: Room) -> None:
    room.out.mkdir()
    (room.out / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        exported(room, Format.PNG)
    assert [path.name for path in room.out.iterdir()] == ["mine.txt"]
    (room.out / "mine.txt").unlink()
    assert exported(room, Format.PNG).exported


def siblings(room: Room) -> set[str]:
    return {path.name for path in room.out.parent.iterdir()}


def test_a_cancelled_export_leaves_nothing(room: Room) -> None:
    before = siblings(room)
    steps = export_steps(room.project, room.out, [Format.PNG])
    next(steps)
    assert siblings(room) > before
    steps.close()
    assert siblings(room) == before


def test_a_full_disk_is_told_and_leaves_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    before = siblings(room)

    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "_flush", full)
    with pytest.raises(UserError, match="disk is full"):
        exported(room, Format.PNG)
    assert siblings(room) == before


def test_what_a_killed_export_left_is_cleared_away(room: Room) -> None:
    left = room.out.with_name(f".{room.out.name}.partial")
    (left / "png").mkdir(parents=True)
    (left / "png" / "half.png").write_bytes(b"half")
    exported(room, Format.PNG)
    assert not left.exists()
    assert not list(room.out.rglob("half.png"))


def test_nothing_accepted(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.image("new")
    with pytest.raises(UserError, match="No case is accepted"):
        exported(room, Format.PNG)
    room.project.close()


def test_an_empty_mask_is_exported(room: Room) -> None:
    room.image("empty")
    room.decide("empty")
    exported(room, *Format)
    rows = [row for row in manifest(room) if row["case"] == room.ids["empty"]]
    assert {row["format"] for row in rows} == set(Format) - {Format.DICOM_SEG, Format.DICOM_SEG_ARCHIVE}
    assert not np.array(Image.open(room.out / "png" / "masks" / f"{room.ids['empty']}.png")).any()


def test_inverted_images_come_out_upright(room: Room) -> None:
    pixels = np.tile(np.arange(80, dtype=np.uint8), (60, 1))
    path = room.sources / "inverted.tif"
    tifffile.imwrite(path, pixels, photometric="miniswhite")
    ((case, _),) = room.project.add([NewCase(str(path))], READER)
    room.ids["inverted"] = case
    room.project.add_revision(case, lungs(), Author(AuthorKind.MODEL, "m"))
    room.decide("inverted")
    exported(room, Format.TIFF)
    assert np.array_equal(tifffile.imread(room.out / "tiff" / "images" / f"{case}.tif"), 79 - pixels)


def nnunet_identifiers(folder: Path, ending: str) -> list[str]:
    """As nnU-Net finds them: without the ending and the channel `_0000` before it."""
    return sorted({path.name[: -len(ending) - 5] for path in folder.iterdir() if path.name.endswith(ending)})


@pytest.mark.parametrize("left_right", [False, True])
def test_nnunet_by_its_own_rules(room: Room, left_right: bool) -> None:
    """What its verify_dataset_integrity asks for (2.8.1), read with nibabel."""
    exported(room, Format.NNUNET, left_right=left_right, ratios=Ratios(1, 0, 0))
    folders = sorted((room.out / "nnunet").iterdir())
    assert [folder.name for folder in folders] == ["Dataset501_LungRadiographs", "Dataset502_LungVolumes"]
    for folder in folders:
        told = json.loads((folder / "dataset.json").read_text("utf-8"))
        assert {"channel_names", "labels", "numTraining", "file_ending"} <= told.keys()
        values = list(told["labels"].values())
        assert told["labels"]["background"] == 0
        assert values == list(range(len(values))), "consecutive, the ignore label last"
        cases = nnunet_identifiers(folder / "imagesTr", told["file_ending"])
        assert len(cases) == told["numTraining"]
        assert cases == sorted(p.name[: -len(".nii.gz")] for p in (folder / "labelsTr").iterdir())
        for case in cases:
            image = nibabel.load(folder / "imagesTr" / f"{case}_0000.nii.gz")
            label = nibabel.load(folder / "labelsTr" / f"{case}.nii.gz")
            assert image.ndim == 3
            assert image.shape == label.shape
            assert np.allclose(image.affine, label.affine)
            assert image.header.get_zooms() == label.header.get_zooms()
            assert not np.isnan(image.get_fdata()).any()
            assert set(np.unique(label.get_fdata())) <= set(values)
    radiographs, volumes = (json.loads((f / "dataset.json").read_text("utf-8")) for f in folders)
    assert (radiographs["channel_names"], volumes["channel_names"]) == ({"0": "X-ray"}, {"0": "CT"})
    assert "ignore" in radiographs["labels"]
    assert "ignore" not in volumes["labels"], "only where somebody painted it"
    volume = nibabel.load(folders[1] / "labelsTr" / f"{room.ids['volume']}.nii.gz")
    assert np.allclose(volume.affine, AFFINE), "where the source lies"


def test_nnunet_keeps_test_cases_apart(room: Room) -> None:
    for number in range(14):
        room.image(f"more{number}")
        room.mask(f"more{number}", lungs())
        room.decide(f"more{number}")
    result = exported(room, Format.NNUNET, ratios=Ratios(0.5, 0.25, 0.25))
    folder = room.out / "nnunet" / "Dataset501_LungRadiographs"
    trained, tested = (nnunet_identifiers(folder / f"images{where}", ".nii.gz") for where in ("Tr", "Ts"))
    assert tested
    assert not set(trained) & set(tested)
    (split,) = json.loads((folder / "splits_final.json").read_text("utf-8"))
    assert sorted(split["train"] + split["val"]) == trained
    assert result.splits["test"] >= len(tested)


def test_only_test_cases_is_told(room: Room) -> None:
    result = exported(room, Format.NNUNET, ratios=Ratios(0, 0, 1))
    told = "nnunet/Dataset501_LungRadiographs has test cases only: nnU-Net cannot be trained with it."
    assert told in result.notes
    assert told in (room.out / "README.txt").read_text("utf-8")


@pytest.mark.parametrize("name", list(Format))
@pytest.mark.parametrize("left_right", [False, True])
def test_a_label_that_means_nothing_stops_every_export_with_the_case(
    room: Room, name: Format, left_right: bool
) -> None:
    labels = lungs()
    labels[0:5, 0:5] = 3
    room.project.add_revision(room.ids["plain"], labels, Author(AuthorKind.PERSON, READER))
    case = room.project.case(room.ids["plain"])
    with pytest.raises(UserError, match=rf"Case {case.number} \({case.id}\): Label 3 means nothing") as error:
        exported(room, name, left_right=left_right)
    assert "Nothing was exported" in error.value.remedy
    assert not room.out.exists()


@pytest.mark.parametrize("name", list(Format))
def test_a_stroke_of_two_in_a_mask_of_one_label_stops_left_and_right(room: Room, name: Format) -> None:
    labels = lungs()
    labels[20:25, 55:65] = 2
    room.project.add_revision(room.ids["plain"], labels, Author(AuthorKind.PERSON, READER))
    number = room.project.case(room.ids["plain"]).number
    with pytest.raises(UserError, match=rf"Case {number} .*lie in the same lung"):
        exported(room, name, left_right=True)
    assert room.ids["volume"] in exported(room, Format.NIFTI).exported  # as one label nothing is lost
