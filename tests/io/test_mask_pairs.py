"""Which mask belongs to which image."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from napari_unet.io.pairs import find_pairs, masks_by_case, masks_of_images


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        Image.new("L", (4, 4)).save(folder / name)
    return folder


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a.png"], {"a": ["a.png"]}),
        (["a.png", "a_mask.png"], {"a": ["a_mask.png"]}),
        (["a.png", "a.tif"], {"a": ["a.png", "a.tif"]}),
        (["a_mask.png", "a_mask.tif"], {"a": ["a_mask.png", "a_mask.tif"]}),
        (["a_overlay.png", "b_probability.tif", "c.png"], {"c": ["c.png"]}),
    ],
)
def test_masks_by_case(tmp_path: Path, names: list[str], found: dict[str, list[str]]) -> None:
    masks, problems = masks_by_case(put(tmp_path, *names))
    assert {case: [path.name for path in paths] for case, paths in masks.items()} == found
    assert len(problems) == sum(len(paths) > 1 for paths in found.values())


def test_pairs_and_what_is_left_over(tmp_path: Path) -> None:
    here = put(tmp_path / "here", "a_mask.png", "b.png", "twice.png", "twice.tif")
    there = put(tmp_path / "there", "a.png", "c.png", "twice.png")
    pairing = find_pairs(here, there)
    assert pairing.cases == {"a": (here / "a_mask.png", there / "a.png")}
    text = " ".join(pairing.problems)
    assert "b.png has no reference" in text and "c.png has no prediction" in text and "twice has 2" in text


def test_names_find_each_other_however_they_are_composed(tmp_path: Path) -> None:
    name = "Müller_André"
    here = put(tmp_path / "here", unicodedata.normalize("NFD", name) + "_mask.png")
    there = put(tmp_path / "there", unicodedata.normalize("NFC", name) + ".png")
    pairing = find_pairs(here, there)
    assert list(pairing.cases) == [name] and pairing.problems == ()
    (image,) = put(tmp_path / "images", unicodedata.normalize("NFC", name) + ".jpg").iterdir()
    assert masks_of_images([image], here).of == {image: next(here.iterdir())}


def test_images_that_differ_in_their_suffix_alone_find_the_masks_called_after_their_whole_names(
    tmp_path: Path,
) -> None:
    images = put(tmp_path / "images", "1.png", "1.jpg", "2.png", "2.jpg", "3.png")
    masks = put(tmp_path / "masks", "1.png_mask.png", "1.jpg_mask.png", "2_mask.png", "3.png_mask.png")
    found = masks_of_images(sorted(images.iterdir()), masks)
    assert {image.name: mask.name for image, mask in found.of.items()} == {
        "1.png": "1.png_mask.png",
        "1.jpg": "1.jpg_mask.png",
        "3.png": "3.png_mask.png",
    }
    assert {image.name for image in found.unclear} == {"2.png", "2.jpg"}


def test_dicom_uids_are_no_stem_and_suffix(tmp_path: Path) -> None:
    masks = put(tmp_path / "masks", "1.2.840.99.55_mask.png", "1.2.840.99.56_mask.png")
    images = [Path("/x/1.2.840.99.55"), Path("/x/1.2.840.99.56")]
    assert [mask.name for mask in masks_of_images(images, masks).of.values()] == [
        "1.2.840.99.55_mask.png",
        "1.2.840.99.56_mask.png",
    ]


def test_what_is_no_mask_is_counted(tmp_path: Path) -> None:
    here, there = put(tmp_path / "here", "a.png"), put(tmp_path / "there", "a.png")
    (here / "notes.txt").write_text("x")
    assert find_pairs(there, there).ignored == ()
    (told,) = find_pairs(here, there).ignored
    assert str(here) in told and "notes.txt" in told


def test_sub_folders_of_masks_are_counted(tmp_path: Path) -> None:
    masks = put(tmp_path / "masks", "a.png")
    put(masks / "more", "b.png")
    assert "1 sub-folder was not looked into (more)" in " ".join(masks_of_images([], masks).ignored)
