"""A recipe with several sources of images."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from net_fakes import TINY, card, lungs, xray
from PIL import Image

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.steps import run
from napari_unet.models.card import NetSpec
from napari_unet.models.library import ModelLibrary
from napari_unet.models.replay_set import read_replay_set
from napari_unet.training.choose_replay import recipe_replay_set
from napari_unet.training.config import TrainingConfig
from napari_unet.training.data_folder import find_pairs
from napari_unet.training.recipe import DataConfig, Recipe, ReplayConfig, read_recipe
from napari_unet.training.run import train_model
from napari_unet.training.separate import check_splits
from napari_unet.training.sources import Epoch, find_sources, of_use


def _source(folder: Path, patients: dict[str, str], masks: str = "masks", suffix: str = ".png") -> DataConfig:
    """Two images a patient, in grain of their own. patients : each with its split."""
    rows = ["file,patient,split"]
    for patient, split in patients.items():
        for view in "ab":
            name = f"{folder.name}_{patient}_{view}"
            for kind in ("images", masks):
                (folder / kind).mkdir(parents=True, exist_ok=True)
            seed = zlib.crc32(name.encode())
            grain = np.random.default_rng(seed).integers(0, 90, (16, 16)).repeat(4, 0).repeat(4, 1)
            image = (xray(lungs(), seed % 9) * 160 + grain).clip(0, 255).astype(np.uint8)
            Image.fromarray(image).save(folder / "images" / f"{name}{suffix}")
            Image.fromarray((lungs() * 255).astype(np.uint8)).save(folder / masks / f"{name}.png")
            rows.append(f"{name}{suffix},{patient},{split}")
    (folder / "manifest.csv").write_text("\n".join(rows))
    return DataConfig(str(folder), name=folder.name, licence=f"licence of {folder.name}")


@pytest.fixture
def here(tmp_path: Path) -> DataConfig:
    return _source(tmp_path / "here", {"1": "train", "2": "train", "3": "val", "4": "test"})


@pytest.fixture
def there(tmp_path: Path) -> DataConfig:
    """Other names of splits, folder and files; nothing to validate with."""
    patients = dict.fromkeys("56789", "adapt") | {"10": "test"}
    data = _source(tmp_path / "there", patients, "labels", ".jpg")
    return replace(data, train="adapt", masks="labels", val_patients=2)


def _recipe(*sources: DataConfig, **options: object) -> Recipe:
    return Recipe(
        "mine",
        sources,
        InputRule(size=(32, 32)),
        NetSpec(arguments=TINY),
        training=TrainingConfig(epochs=3, batch=4),
        **options,
    )


def test_a_list_of_sources_is_read_and_one_source_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "name: mine\ndata:\n  - {folder: x}\n"
        "  - {folder: y, train: adapt, masks: drawn, val_patients: [a, b], leave_out: {z.png: empty}}\n"
    )
    first, second = read_recipe(path).data
    assert (first.folder, second.train, second.masks) == ("x", "adapt", "drawn")
    assert (second.val_patients, second.leave_out) == (("a", "b"), {"z.png": "empty"})
    path.write_text("name: mine\ndata: {folder: x}\n")
    assert [data.folder for data in read_recipe(path).data] == ["x"]
    for text, where in (
        ("{folder: x, flder: y}", r": data\.flder"),
        ("[{folder: x}, {folder: x, flder: y}]", r"data\.1\.flder"),
        ("[]", "at least one source"),
        ("{folder: x, per_epoch: -1}", "per_epoch must not be negative"),
    ):
        path.write_text(f"name: mine\ndata: {text}\n")
        with pytest.raises(UserError, match=where):
            read_recipe(path)


def test_sources_are_found_with_their_own_names_of_splits(here: DataConfig, there: DataConfig) -> None:
    found = find_sources((here, there))
    assert [Counter(pair.split for pair in one.pairs) for one in found] == [
        {"train": 4, "val": 2, "test": 2},
        {"train": 6, "val": 4, "test": 2},
    ]
    assert len(of_use(found, "train")) == 10
    pair = found[1].pairs[0]
    assert pair.id.startswith("there/there_") and pair.id.endswith(".jpg")
    assert pair.mask is not None and pair.mask.parent.name == "labels" and pair.mask.suffix == ".png"
    patients = [{pair.patient for pair in of_use(found, use)} for use in ("train", "val")]
    assert not patients[0] & patients[1]
    assert len(check_splits([pair for one in found for pair in one.pairs])) == 0


def test_patients_for_validation_follow_the_seed_or_are_named(there: DataConfig) -> None:
    drawn = [{pair.patient for pair in find_sources((there,), seed)[0].of("val")} for seed in range(6)]
    assert all(len(patients) == 2 for patients in drawn) and len(set(map(frozenset, drawn))) > 1
    named = find_sources((replace(there, val_patients=("9",)),))
    assert [pair.patient for pair in named[0].of("val")] == ["9", "9"]
    for wrong, words in ((5, "leave none to train with"), (("10",), "has no patient 10")):
        with pytest.raises(UserError, match=words):
            find_sources((replace(there, val_patients=wrong),))


def test_fewer_images_for_validation_are_of_whole_patients(tmp_path: Path) -> None:
    data = _source(tmp_path / "many", {"1": "train"} | {str(k): "val" for k in range(2, 9)})
    pairs = find_pairs(replace(data, val_images=5))
    assert Counter(pair.split for pair in pairs) == {"train": 2, "val": 4}
    assert set(Counter(pair.patient for pair in pairs).values()) == {2}
    assert find_pairs(replace(data, val_images=5), seed=1) != pairs


def test_what_is_left_out_is_not_there_and_must_exist(here: DataConfig) -> None:
    name = "here_1_a.png"
    (Path(here.folder) / "masks" / name).unlink()
    pairs = find_pairs(replace(here, leave_out={name: "its mask was lost"}))
    assert name not in {pair.id for pair in pairs} and len(pairs) == 7
    with pytest.raises(UserError, match=r"no image nobody\.png to leave out"):
        find_pairs(replace(here, leave_out={name: "lost", "nobody.png": "typing error"}))


def test_leaks_between_sources_are_refused(here: DataConfig, there: DataConfig, tmp_path: Path) -> None:
    same = _source(tmp_path / "same", {"3": "train"})
    with pytest.raises(UserError, match="Patient 3 is in two splits") as error:
        find_sources((here, same))
    assert "prefix" in error.value.remedy
    found = find_sources((here, replace(same, prefix="same-")))
    assert {pair.patient for pair in found[1].pairs} == {"same-3"}
    images = Path(there.folder) / "images"
    tested = next(pair for pair in find_sources((there,))[0].of("val"))
    (Path(here.folder) / "images" / "here_1_a.png").write_bytes((images / tested.id).read_bytes())
    both = find_sources((here, there))
    with pytest.raises(
        UserError, match=f"here/here_1_a.png .train. and there/{tested.id} .val. are the same"
    ):
        check_splits([pair for one in both for pair in one.pairs])


def test_a_source_without_anything_to_train_with(here: DataConfig, there: DataConfig) -> None:
    with pytest.raises(UserError, match="split adapt"):
        find_sources((there, replace(here, train="adapt")))
    with pytest.raises(UserError, match="split val"):
        find_sources((replace(there, val_patients=0),))


def test_an_epoch_sees_of_each_source_what_the_recipe_says() -> None:
    epoch, generator = Epoch(((10, 4), (3, 8))), torch.Generator().manual_seed(0)
    orders = [epoch.order(generator).tolist() for _ in range(20)]
    assert len(epoch) == 12 and all(len(order) == 12 for order in orders)
    for order in orders:
        first = [k for k in order if k < 10]
        assert len(first) == len(set(first)) == 4
        assert sorted(Counter(k for k in order if k >= 10).values()) == [2, 3, 3]
    assert {k for order in orders for k in order} == set(range(13))
    assert any(order[0] >= 10 for order in orders) and any(order[0] < 10 for order in orders)


def test_one_source_is_shuffled_as_by_earlier_versions() -> None:
    plain = torch.randperm(9, generator=torch.Generator().manual_seed(3))
    assert Epoch(((9, 9),)).order(torch.Generator().manual_seed(3)).equal(plain)


def test_a_model_of_two_sources_names_both(here: DataConfig, there: DataConfig, tmp_path: Path) -> None:
    recipe = _recipe(replace(here, per_epoch=2), replace(there, per_epoch=10), memory=ReplayConfig(4, 2))
    library = ModelLibrary(tmp_path / "models")
    made = run(train_model(recipe, library.own / "mine", device="cpu"))
    assert [(one.name, one.split, one.images, one.licence) for one in made.data] == [
        ("here", "train", 4, "licence of here"),
        ("there", "adapt", 6, "licence of there"),
    ]
    kept = read_replay_set(library.find("mine"))
    assert kept is not None
    assert Counter((item.role, item.source) for item in kept.items) == {
        ("replay", "here"): 2,
        ("replay", "there"): 2,
        ("gate", "here"): 1,
        ("gate", "there"): 1,
    }
    assert {source.licence for source in kept.sources} == {"licence of here", "licence of there"}


def test_an_uneven_replay_set_takes_one_more_of_the_first(here: DataConfig, there: DataConfig) -> None:
    recipe = _recipe(here, there, memory=ReplayConfig(3, 0))
    kept = recipe_replay_set(recipe, card(input=recipe.input))
    assert kept is not None
    assert Counter(item.source for item in kept.items) == {"here": 2, "there": 1}


def test_a_training_on_two_sources_goes_on_where_it_stopped(
    here: DataConfig, there: DataConfig, tmp_path: Path
) -> None:
    recipe = _recipe(replace(here, per_epoch=3), replace(there, per_epoch=9))
    whole = run(train_model(recipe, tmp_path / "whole" / "mine", device="cpu"))
    steps = train_model(recipe, tmp_path / "parts" / "mine", device="cpu")
    assert next(steps).epoch == 1
    steps.close()
    again = train_model(recipe, tmp_path / "parts" / "mine", device="cpu")
    assert next(again).epoch == 2
    assert run(again).sha256 == whole.sha256
    other = _recipe(replace(here, per_epoch=4), replace(there, per_epoch=9))
    begun = train_model(recipe, tmp_path / "other" / "mine", device="cpu")
    next(begun)
    begun.close()
    with pytest.raises(UserError, match="other settings or other images"):
        next(train_model(other, tmp_path / "other" / "mine", device="cpu"))
