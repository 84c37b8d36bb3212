from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tifffile
from net_fakes import lungs, xray
from PIL import Image

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.training_pair import TrainingPair
from napari_unet.models.card import ModelCard
from napari_unet.training.data_folder import find_pairs
from napari_unet.training.recipe import DataConfig
from napari_unet.training.samples import labelled
from napari_unet.training.separate import check_splits

RULE = IntensityRule("percentiles", 0, 100)


def _put(folder: Path, name: str, size: tuple[int, int] = (64, 80), mask: bool = True) -> None:
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    truth = lungs(*size)
    Image.fromarray((xray(truth) * 255).astype(np.uint8)).save(folder / "images" / name)
    if mask:
        Image.fromarray(truth.astype(np.uint8) * 255).save(folder / "masks" / name)


def _film(folder: Path, name: str) -> None:
    """A pair whose image looks like no other's."""
    _put(folder, name)
    grain = np.random.default_rng(list(name.encode())).integers(0, 255, (16, 20)).repeat(4, 0).repeat(4, 1)
    Image.fromarray(grain.astype(np.uint8)).save(folder / "images" / name)


def _manifest(folder: Path, *rows: str, head: str = "file,patient,split") -> None:
    (folder / "manifest.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8-sig")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images of two patients with a manifest, in a path with a space and Korean letters."""
    place = tmp_path / "폐 영상"
    for name in ("b.png", "a.png", "c.png"):
        _put(place, name)
    _manifest(place, "b.png,2,val", "a.png,1,train", "c.png,1,train")
    return place


def test_pairs_of_a_manifest_sorted_by_name(folder: Path) -> None:
    pairs = find_pairs(DataConfig(str(folder)))
    assert [(p.image.name, p.mask.name, p.patient, p.split) for p in pairs] == [
        ("a.png", "a.png", "1", "train"),
        ("b.png", "b.png", "2", "val"),
        ("c.png", "c.png", "1", "train"),
    ]


def test_without_a_manifest_patients_are_split_by_the_seed(tmp_path: Path) -> None:
    for patient in range(20):
        for view in "ab":
            _film(tmp_path, f"p{patient:02}_{view}.png")
    data = DataConfig(str(tmp_path), manifest=None)
    pairs = find_pairs(data, seed=1)
    splits = {split: {p.patient for p in pairs if p.split == split} for split in ("train", "val", "test")}
    assert [len(patients) for patients in splits.values()] == [14, 3, 3]
    assert len(set.union(*splits.values())) == 20  # nobody is in two
    assert find_pairs(data, seed=1) == pairs
    assert find_pairs(data, seed=2) != pairs


def _refused(data: DataConfig, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        find_pairs(data)
    assert error.value.remedy


def test_a_patient_in_two_splits(folder: Path) -> None:
    _manifest(folder, "a.png,1,train", "b.png,2,val", "c.png,1,test")
    _refused(DataConfig(str(folder)), "Patient 1 is in two splits")


def test_a_missing_mask_or_image(folder: Path) -> None:
    (folder / "masks" / "c.png").unlink()
    _refused(DataConfig(str(folder)), "c.png has no mask")
    (folder / "images" / "a.png").unlink()
    _refused(DataConfig(str(folder)), "There is no image")


def test_a_manifest_that_lacks_something(folder: Path) -> None:
    _manifest(folder, "a.png,train", head="file,split")
    _refused(DataConfig(str(folder)), "lacks patient")
    _manifest(folder, "a.png,1,train", "b.png,2")
    _refused(DataConfig(str(folder)), "Line 3 .* not complete")
    _manifest(folder, head="")
    _refused(DataConfig(str(folder)), "lacks")
    _manifest(folder)
    _refused(DataConfig(str(folder)), "lacks")


def test_a_manifest_that_cannot_be_read(folder: Path) -> None:
    (folder / "manifest.csv").write_bytes(b"file,patient,split\n\xff\xfe,1,a\n")
    _refused(DataConfig(str(folder)), "cannot be read")
    _refused(DataConfig(str(folder), manifest="none.csv"), "cannot be read")


def test_no_folder_and_no_images(tmp_path: Path) -> None:
    _refused(DataConfig(str(tmp_path / "none")), "does not exist")
    (tmp_path / "images").mkdir()
    _refused(DataConfig(str(tmp_path), manifest=None), "has no images")


def test_the_data_folder_comes_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_UNET_DATA", str(folder.parent))
    data = DataConfig("$NAPARI_UNET_DATA/" + folder.name)
    assert len(find_pairs(data)) == 3
    monkeypatch.delenv("NAPARI_UNET_DATA")
    _refused(data, "not set")


def test_samples_have_the_size_and_keep_image_and_mask_together(folder: Path) -> None:
    pairs = find_pairs(DataConfig(str(folder)))
    card = ModelCard(name="m", input=InputRule(size=(48, 60)), intensity=RULE)
    val = labelled(pairs, card, oversize=False)
    assert val.images.shape == val.masks.shape == (3, 1, 48, 60)
    assert val.images.dtype == val.masks.dtype == np.float32
    assert len(val) == 3 and val.origins == (0, 1, 2)
    assert val.images.min() >= 0 and val.images.max() <= 1
    assert np.mean((val.images < 0.5) == (val.masks > 0)) > 0.97
    assert labelled(pairs, card, oversize=True).images.shape == (3, 1, 72, 90)


def _unusable(folder: Path, words: str, name: str = "a.png") -> None:
    card = ModelCard(name="m", input=InputRule(size=(32, 32)), intensity=RULE)
    pair = TrainingPair(name, folder / "images" / name, folder / "masks" / "a.png", "1", split="train")
    with pytest.raises(UserError, match=words) as error:
        labelled([pair], card, oversize=False)
    assert error.value.remedy


def test_an_image_that_cannot_be_trained_on_is_named(folder: Path) -> None:
    Image.fromarray(np.zeros((64, 80), np.uint8)).save(folder / "images" / "a.png")
    _unusable(folder, r"^a\.png: The image is empty")
    Image.fromarray(np.eye(80, dtype=np.uint8)).save(folder / "images" / "a.png")
    _unusable(folder, r"The mask of a\.png has the size 64 × 80, its image 80 × 80")
    tifffile.imwrite(
        folder / "images" / "a.tif", np.ones((5, 64, 80), np.uint8) * np.arange(80, dtype=np.uint8)
    )
    _unusable(folder, r"The mask of a\.tif has the size 64 × 80, its image 5 × 64 × 80", "a.tif")
    (folder / "images" / "a.png").write_bytes(b"rubbish")
    _unusable(folder, r"a\.png")
    _unusable(folder, r"The image of gone\.png is missing", "gone.png")


def test_copies_of_one_image_are_drawn_into_one_split(tmp_path: Path) -> None:
    for patient in range(12):
        _film(tmp_path, f"p{patient:02}.png")
    for copy in ("q1.png", "q2.png", "q3.png"):
        for kind in ("images", "masks"):
            shutil.copy(tmp_path / kind / "p03.png", tmp_path / kind / copy)
    image = np.asarray(Image.open(tmp_path / "images" / "p03.png"))
    Image.fromarray(image // 2).save(tmp_path / "images" / "q3.png")  # darker: another file, the same look
    data = DataConfig(str(tmp_path), manifest=None)
    for seed in range(6):
        splits = {pair.image.name: pair.split for pair in find_pairs(data, seed)}
        assert len({splits[name] for name in ("p03.png", "q1.png", "q2.png", "q3.png")}) == 1
        assert len(set(splits.values())) > 1


def test_anonymous_is_no_patient(tmp_path: Path) -> None:
    names = [f"anonymous_{k}.png" for k in range(20)]
    for name in names:
        _film(tmp_path, name)
    pairs = find_pairs(DataConfig(str(tmp_path), manifest=None))
    assert len({pair.patient for pair in pairs}) == 20
    assert {pair.split for pair in pairs} == {"train", "val", "test"}
    _manifest(tmp_path, *(f"{name},ANON,{'train' if k % 2 else 'val'}" for k, name in enumerate(names)))
    assert len({pair.patient for pair in find_pairs(DataConfig(str(tmp_path)))}) == 20  # and is not refused


def test_one_image_in_two_splits_of_a_manifest(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        _film(tmp_path, name)
    _manifest(tmp_path, "a.png,1,train", "b.png,2,val", "c.png,3,test")
    image = np.asarray(Image.open(tmp_path / "images" / "a.png"))
    Image.fromarray(image // 2 + 3).save(tmp_path / "images" / "b.png")
    (note,) = check_splits(find_pairs(DataConfig(str(tmp_path))))
    assert "a.png (train) and b.png (val) look the same" in note
    shutil.copy(tmp_path / "images" / "a.png", tmp_path / "images" / "c.png")
    with pytest.raises(UserError, match=r"a.png \(train\) and c.png \(test\) are the same file"):
        check_splits(find_pairs(DataConfig(str(tmp_path))))


def test_the_manifest_is_read_as_in_a_review(tmp_path: Path) -> None:
    for name in ("007.png", unicodedata.normalize("NFD", "Müller.png"), "c.png"):
        _put(tmp_path, name)
    (tmp_path / "masks" / "c.png").rename(tmp_path / "masks" / "c_mask.png")
    (tmp_path / "manifest.csv").write_text(
        "sep=;\nFile;Patient;SPLIT\n7;1;Train\nMüller.png;2;VAL\nc.png;3;train\n;;\n", "utf-8-sig"
    )
    notes: list[str] = []
    pairs = find_pairs(DataConfig(str(tmp_path)), notes=notes)
    assert [(pair.image.name[0], pair.patient, pair.split) for pair in pairs] == [
        ("0", "1", "train"),
        ("M", "2", "val"),
        ("c", "3", "train"),
    ]
    assert all(pair.image.is_file() and pair.mask.is_file() for pair in pairs)
    assert len(notes) == 1 and "7 for 007.png" in notes[0]


def test_what_the_folder_of_images_holds_besides_is_noted(tmp_path: Path) -> None:
    _put(tmp_path, "a.png")
    (tmp_path / "images" / "list.txt").write_text("x")
    notes: list[str] = []
    find_pairs(DataConfig(str(tmp_path), manifest=None), notes=notes)
    assert "list.txt" in notes[0]


def test_images_that_are_not_in_the_manifest_are_counted(folder: Path) -> None:
    _put(folder, "d.png")
    notes: list[str] = []
    assert len(find_pairs(DataConfig(str(folder)), notes=notes)) == 3
    assert len(notes) == 1 and "1 image in" in notes[0] and "not in the manifest" in notes[0]
