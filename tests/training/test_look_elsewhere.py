"""Looks at other machines, the travel set and untouched images."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from net_fakes import PointNet, dark_is_lung, in_place_of, lungs, xray
from tuning_fakes import parent, replay_set

from napari_unet.core.events import CaseDone
from napari_unet.core.label_set import Label, LabelSet
from napari_unet.core.raster import Raster
from napari_unet.core.spread import spread
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.predictor import Predictor
from napari_unet.models.library import ModelLibrary, default_library
from napari_unet.resources_path import resource
from napari_unet.training import drift
from napari_unet.training.drift import (
    MACHINES,
    MOST_UNTOUCHED,
    UNTOUCHED,
    look_elsewhere,
    looks,
    on_untouched,
    under_machines,
)
from napari_unet.training.travel import PLACE, travel_set, travels


@pytest.fixture
def models(tmp_path: Path) -> tuple[Predictor, Predictor]:
    """A model that finds dark lungs, and one that finds none."""
    entry = parent(ModelLibrary(tmp_path))
    nets = (dark_is_lung(), PointNet(lambda x: 0 * x - 40))
    good, blind = (Predictor(in_place_of(entry, net), entry.card, torch.device("cpu")) for net in nets)
    return good, blind


def pair(id: str, pixels: np.ndarray) -> TrainingPair:
    return TrainingPair(id, Raster(pixels, inverted=False), None)


def test_under_machines_each_model_is_measured_against_the_truth_that_moved(
    models: tuple[Predictor, Predictor],
) -> None:
    good, _ = models
    references = replay_set(0, 3)
    seen: list[object] = []
    cases, found = run(under_machines(good, good, references), seen.append)
    assert len(cases) == len(found.cases) == 3 and found.place == MACHINES
    assert [type(event) for event in seen] == [CaseDone] * 18
    dice = [next(value for value in case.values if value.of.metric.name == "dice") for case in cases]
    assert all(value.old == value.new and value.old > 0.5 for value in dice)
    assert all(case.dice == 1 for case in found.cases)


def test_a_child_that_finds_nothing_under_machines_is_worse_and_far_away(
    models: tuple[Predictor, Predictor],
) -> None:
    good, blind = models
    cases, found = run(under_machines(good, blind, replay_set(0, 2)))
    dice = [value for case in cases for value in case.values if value.of.metric.name == "dice"]
    assert all(value.new < value.old - 0.2 for value in dice)
    assert found.dice < 0.8


def test_untouched_images_are_compared_and_a_check_that_newly_fails_is_named(
    models: tuple[Predictor, Predictor],
) -> None:
    good, blind = models
    image = xray(lungs(64, 64))
    same = run(on_untouched(good, good, [pair("a", image)]))
    assert same.drift.place == UNTOUCHED
    assert [(case.id, case.dice, case.checks) for case in same.drift.cases] == [("a", 1.0, ())]
    lost = run(on_untouched(good, blind, [pair("a", image)]))
    assert lost.drift.cases[0].dice == 0 and lost.drift.cases[0].checks == ("no-lung",)
    before, after = lost.masks["a"].masks()
    assert before.any() and not after.any()
    back = run(on_untouched(blind, good, [pair("a", image)]))
    assert "no-lung" not in back.drift.cases[0].checks


def test_an_image_that_is_gone_is_reported_and_a_stack_is_skipped(
    models: tuple[Predictor, Predictor], tmp_path: Path
) -> None:
    good, _ = models
    gone = TrainingPair("gone", tmp_path / "gone.png", None)
    stack = pair("stack", np.stack([xray(lungs(64, 64))] * 3))
    seen: list[CaseDone] = []
    found = run(on_untouched(good, good, [gone, stack]), seen.append)  # type: ignore[arg-type]
    assert found.drift.cases == () and [bool(event.error) for event in seen] == [True, False]


def test_all_places_are_counted_in_one_row(
    models: tuple[Predictor, Predictor], monkeypatch: pytest.MonkeyPatch
) -> None:
    good, _ = models
    good = good.with_card(good.card.model_copy(update={"modalities": ("DX",)}))
    references = replay_set(0, 1)
    monkeypatch.setattr(drift, "travel_set", lambda: travel_set()[:2])
    own = [pair(f"{k}", xray(lungs(64, 64), k)) for k in range(MOST_UNTOUCHED + 6)]
    seen: list[CaseDone] = []
    found = run(look_elsewhere(good, good, references, own), seen.append)  # type: ignore[arg-type]
    total = looks(good.card, len(references), len(own))
    assert total == 6 + 2 + MOST_UNTOUCHED
    assert [(event.done, event.total) for event in seen] == [(k, total) for k in range(1, total + 1)]
    assert [place.place for place in found.drift] == [MACHINES, PLACE, UNTOUCHED]
    assert set(found.masks[PLACE]) == {"Child 1", "Child 2"}
    shown = found.masks[PLACE]["Child 1"]
    assert shown.image is not None and shown.image.shape == shown.shape == shown.masks()[0].shape
    nothing = run(look_elsewhere(good, good, None, ()))
    assert [place.place for place in nothing.drift] == [PLACE]


def test_only_models_of_lungs_in_x_rays_travel() -> None:
    card = default_library().find("cxr-lung").card
    assert travels(card)
    assert not travels(card.model_copy(update={"modalities": ("CT",)}))
    assert not travels(card.model_copy(update={"modalities": ()}))
    hands = card.output.model_copy(update={"labels": LabelSet("hand", (Label(1, "hand"),))})
    assert not travels(card.model_copy(update={"outputs": (hands,)}))


def test_images_are_spread_evenly() -> None:
    assert spread(0, 4) == [] and spread(3, 8) == [0, 1, 2] and spread(1, 8) == [0]
    assert spread(100, 5) == [0, 25, 50, 74, 99]
    assert len(spread(30, 24)) == 24


def test_the_travel_set_has_eight_children_and_eight_adults_with_credit() -> None:
    images = travel_set()
    assert [image.title.split()[0] for image in images] == ["Child"] * 8 + ["NIH"] * 8
    assert len({image.original for image in images}) == 16
    assert all(image.image.is_file() for image in images)
    credits = resource("travel", "CREDITS.md").read_text(encoding="utf-8")
    assert "CC BY 4.0" in credits and "NIH Clinical Center" in credits
    size = sum(path.stat().st_size for path in resource("travel").iterdir())
    assert size < 500_000


@pytest.mark.data
def test_no_recipe_trains_or_validates_with_the_travel_set(data: Path) -> None:
    from napari_unet.training.recipe import read_recipe
    from napari_unet.training.sources import find_sources, of_use

    travel = {image.original for image in travel_set()}
    for place in ("children", "nih_findings"):
        with open(data / "cxr" / place / "manifest.csv", encoding="utf-8") as table:
            rows = {row["file"]: row for row in csv.DictReader(table)}
        splits = {rows[name]["split"] for name in travel & rows.keys()}
        assert splits == {"val"}
    for path in sorted(resource("recipes").glob("*.yaml")):
        recipe = read_recipe(path)
        found = find_sources(recipe.data, recipe.training.seed, findings=recipe.findings)
        used = {Path(str(pair.image)).name for use in ("train", "val") for pair in of_use(found, use)}
        assert used and not used & travel, path.name
