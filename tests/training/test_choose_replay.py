"""What a recipe's model keeps of its images."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from net_fakes import card, lungs, xray
from PIL import Image

from napari_unet.core.errors import UserError
from napari_unet.core.files import checksum
from napari_unet.core.input_rule import InputRule
from napari_unet.core.labels import IGNORE
from napari_unet.core.leaks import ALIKE, perceptual_hash
from napari_unet.core.raster import Raster
from napari_unet.core.training_pair import TrainingPair
from napari_unet.models.card import DataSource
from napari_unet.models.library import default_library
from napari_unet.models.replay_set import read_replay_set
from napari_unet.training.choose_replay import choose_replay_set, recipe_replay_set
from napari_unet.training.recipe import DataConfig, Recipe, ReplayConfig, read_recipe
from napari_unet.training.samples import from_replay_set, labelled

CARD = card(input=InputRule(size=(32, 40)))
SOURCE = DataSource(name="here", licence="CC0")


def _pair(name: str, labels: np.ndarray) -> TrainingPair:
    return TrainingPair(name, Raster(xray(labels == 1)), labels, f"patient of {name}", f"file of {name}")


def _pairs() -> list[TrainingPair]:
    """Three groups of two that look alike; in the last group a part is ignored."""
    shapes = [lungs(64, 80), np.roll(lungs(64, 80), 20, axis=0), np.tile(lungs(32, 40), (2, 2))]
    masks = [shape.astype(np.uint8) for shape in shapes]
    masks[2][:16] = IGNORE
    return [_pair(f"{group}{k}", mask) for group, mask in enumerate(masks) for k in range(2)]


def test_one_of_each_kind_is_kept_as_the_model_sees_it() -> None:
    pairs = _pairs()
    replay_set = choose_replay_set(pairs, CARD, "replay", 3, SOURCE)
    assert sorted(item.patient[-2] for item in replay_set.items) == ["0", "1", "2"]
    assert {item.role for item in replay_set.items} == {"replay"} and replay_set.sources == (SOURCE,)
    kept = [next(p for p in pairs if p.patient == item.patient) for item in replay_set.items]
    assert [item.content_hash for item in replay_set.items] == [pair.content_hash for pair in kept]
    seen, again = labelled(kept, CARD, oversize=False), from_replay_set(replay_set, CARD)
    np.testing.assert_allclose(again.images, seen.images, atol=0.5 / 255 + 1e-6)
    np.testing.assert_array_equal(again.masks, seen.masks)
    np.testing.assert_array_equal(again.valid, seen.valid)
    assert not again.valid.all()
    for item, image in zip(replay_set.items, seen.images, strict=True):
        assert (item.phash ^ perceptual_hash(image[0])).bit_count() <= ALIKE


def test_fewer_than_wanted_are_all_kept() -> None:
    assert len(choose_replay_set(_pairs(), CARD, "gate", 99, SOURCE)) == 6


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """Four images to train with, three to validate, and one to test that is not an image at all."""
    rows = ["file,patient,split"]
    for k, split in enumerate(["train"] * 4 + ["val"] * 3 + ["test"]):
        for kind, image in (("images", xray(lungs(), k) * 255), ("masks", lungs() * 255)):
            (tmp_path / kind).mkdir(exist_ok=True)
            Image.fromarray(image.astype(np.uint8)).save(tmp_path / kind / f"{k}.png")
        rows.append(f"{k}.png,{k},{split}")
    (tmp_path / "images" / "7.png").write_bytes(b"rubbish")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    return Recipe("mine", (DataConfig(str(tmp_path), name="set", licence="CC0"),), InputRule(size=(32, 32)))


def test_replay_comes_from_train_and_the_acceptance_test_from_val_and_test_is_not_read(
    recipe: Recipe,
) -> None:
    replay_set = recipe_replay_set(replace(recipe, memory=ReplayConfig(2, 9)), CARD)
    assert replay_set is not None
    folder = Path(recipe.data[0].folder) / "images"
    files = {checksum(path): int(path.stem) for path in folder.iterdir()}
    found = {
        role: {files[i.content_hash] for i in replay_set.part(role).items} for role in ("replay", "gate")
    }
    assert found["replay"] <= {0, 1, 2, 3} and len(found["replay"]) == 2 and found["gate"] == {4, 5, 6}
    assert [(s.name, s.split, s.images, s.licence) for s in replay_set.sources] == [
        ("set", "train", 2, "CC0"),
        ("set", "val", 3, "CC0"),
    ]
    assert all(len(item.patient) == 16 and item.source == "set" for item in replay_set.items)


def test_a_recipe_that_keeps_nothing(recipe: Recipe) -> None:
    assert recipe_replay_set(recipe, CARD) is None
    with pytest.raises(ValueError, match=r"memory\.replay"):
        ReplayConfig(replay=-1)


def test_a_split_that_is_not_there(recipe: Recipe) -> None:
    data = (replace(recipe.data[0], val="validation"),)
    with pytest.raises(UserError, match="split validation"):
        recipe_replay_set(replace(recipe, data=data, memory=ReplayConfig(1, 1)), CARD)


def test_the_shipped_model_remembers_with_attribution() -> None:
    entry = default_library().find("cxr-lung")
    replay_set = read_replay_set(entry)
    assert replay_set is not None and (len(replay_set.part("replay")), len(replay_set.part("gate"))) == (
        16,
        8,
    )
    assert replay_set.images.shape[1:] == entry.card.input.size
    assert all("National Library of Medicine" in source.attribution for source in replay_set.sources)
    assert not {i.patient for i in replay_set.part("replay").items} & {
        i.patient for i in replay_set.part("gate").items
    }
    assert entry.replay_file.stat().st_size < 3e6


@pytest.mark.data
def test_the_shipped_memory_is_what_the_recipe_chooses_and_no_test_image(data: Path) -> None:
    entry = default_library().find("cxr-lung")
    replay_set = read_replay_set(entry)
    recipe = read_recipe(Path(__file__).parents[2] / "resources" / "recipes" / "cxr-lung.yaml")
    again = recipe_replay_set(recipe, entry.card)
    assert replay_set is not None and again is not None
    assert [item.content_hash for item in replay_set.items] == [item.content_hash for item in again.items]
    place = data / "cxr" / "montgomery"
    with (place / "manifest.csv").open() as stream:
        tested = {
            checksum(place / "images" / r["file"]) for r in csv.DictReader(stream) if r["split"] == "test"
        }
    assert tested and not tested & {item.content_hash for item in replay_set.items}
