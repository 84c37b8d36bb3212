"""Two models on the same cases."""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from pathlib import Path

import numpy as np
import pytest
import torch
from net_fakes import PointNet, card, dark_is_lung, lungs, saved
from tuning_fakes import case, cases, finish, parent, replay_set, tuned

from napari_unet.core import metrics
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.labels import IGNORE
from napari_unet.core.raster import Raster
from napari_unet.inference.predictor import Predictor
from napari_unet.models.library import ModelLibrary
from napari_unet.training.acceptance import (
    Familiar,
    Measured,
    compare_models,
    gather,
    measure,
    measure_replay_set,
)

CPU = torch.device("cpu")


def right() -> Predictor:
    return Predictor(dark_is_lung(), card(), CPU)


def value(found: Measured, metric: str, label: str = "") -> tuple[float, float]:
    """Of the old and of the new model."""
    ((old, new),) = (
        (one.old, one.new) for one in found.values if (one.of.metric.name, one.of.label) == (metric, label)
    )
    return old, new


def dice(found: Measured) -> tuple[float, float]:
    return value(found, "dice")


def hd95(found: Measured) -> tuple[float, float]:
    return value(found, "hd95")


def everything() -> Predictor:
    """Takes the whole image for lung."""
    return Predictor(PointNet(lambda x: x * 0 + 9), card(), CPU)


def test_the_better_model_has_the_higher_dice_and_the_shorter_distance() -> None:
    found = measure(everything(), right(), case(0))
    mask = lungs(40, 48)
    assert dice(found) == (pytest.approx(2 * mask.sum() / (mask.sum() + mask.size)), 1.0)
    assert hd95(found)[0] > 3 and hd95(found)[1] == 0
    assert found.pixel_mm == 0.5


def test_pixels_that_nobody_can_tell_count_nowhere() -> None:
    pair = case(0)
    assert isinstance(pair.mask, np.ndarray)
    found = measure(
        everything(), right(), replace(pair, mask=np.where(pair.mask > 0, 1, IGNORE).astype(np.uint8))
    )
    assert dice(found) == (1.0, 1.0)


def test_no_distance_is_measured_along_what_nobody_can_tell() -> None:
    pair = case(0)
    assert isinstance(pair.mask, np.ndarray)
    mask = pair.mask.astype(np.uint8)
    mask[:, 14:] = IGNORE  # through a lung
    found = measure(everything(), right(), replace(pair, mask=mask))
    assert (mask == 1).any() and (dice(found)[1], hd95(found)[1]) == (1.0, 0.0)
    assert hd95(found)[0] > 3


def test_distances_are_in_mm_if_all_cases_have_a_spacing() -> None:
    with_spacing = measure(everything(), right(), case(0))
    image = case(1).image
    assert isinstance(image, Raster)
    without = measure(everything(), right(), replace(case(1), image=Raster(image.pixels)))
    alone = gather("your images", [with_spacing], card())[1]
    assert alone.unit == "mm"
    assert alone.cases[0].old == pytest.approx(hd95(with_spacing)[0] * 0.5)
    both = gather("your images", [with_spacing, without], card())[1]
    assert both.unit == "px"
    assert both.cases[0].old == hd95(with_spacing)[0]
    assert [(one.metric, one.cases) for one in gather("your images", [], card())] == [
        ("dice", ()),
        ("hd95", ()),
    ]


def test_pixels_that_are_not_square_are_measured_in_mm() -> None:
    image = case(0).image
    assert isinstance(image, Raster)
    tall = replace(case(0), image=Raster(image.pixels, spacing_mm=(2.0, 0.5)))
    side = gather("", [measure(everything(), right(), tall)], card())
    expected = metrics.hd95(np.ones((40, 48), bool), lungs(40, 48), (2.0, 0.5))
    assert side[1].cases[0].old == pytest.approx(expected)


def test_of_a_stack_the_chosen_slices_count() -> None:
    flat = case(0)
    assert isinstance(flat.image, Raster) and isinstance(flat.mask, np.ndarray)
    pixels = np.stack([flat.image.pixels, np.full((40, 48), 0.5, np.float32), flat.image.pixels])
    stack = replace(
        flat,
        image=Raster(pixels, spacing_mm=(3.0, 0.5, 0.5)),
        mask=np.stack([flat.mask] * 3),
        slices=(0, 2),
    )
    alone, twice = measure(everything(), right(), flat), measure(everything(), right(), stack)
    assert dice(twice) == pytest.approx(dice(alone))
    assert hd95(twice) == pytest.approx(hd95(alone))
    assert twice.pixel_mm == 0.5


def test_a_mask_without_a_lung_has_no_distance() -> None:
    nothing = Predictor(PointNet(lambda x: x * 0 - 9), card(), CPU)
    found = measure(nothing, right(), case(0))
    assert dice(found) == (0.0, 1.0)
    assert isnan(hd95(found)[0])


def test_what_is_remembered_is_an_input_already() -> None:
    hu = card(intensity=IntensityRule("window", -1000.0, 400.0))
    predictor = Predictor(dark_is_lung(), hu, CPU)
    found, events = finish(measure_replay_set(predictor, predictor, replay_set().part("gate")))
    assert [dice(one) for one in found] == [(1.0, 1.0)] * 2
    assert [(event.done, event.total) for event in events] == [(1, 2), (2, 2)]
    assert {one.pixel_mm for one in found} == {None}
    assert predictor.card.intensity.low == -1000.0


def test_models_of_a_library_are_compared_and_a_bad_case_is_told(tmp_path: Path) -> None:
    for seed, name in enumerate(("a", "b")):
        saved(tmp_path / name, seed, name=name, input=InputRule(size=(32, 32)))
    bad = replace(case(1), mask=np.zeros((3, 3), np.uint8))
    steps = compare_models("a", "b", [case(0), bad, case(2)], "cpu", library=ModelLibrary(tmp_path))
    side, events = finish(steps)
    assert [one.id for one in side[0].cases] == ["case-0", "case-2"]
    assert events[0] == CaseDone("case-0", 1, 3)
    assert "case-1" in events[1].error


def test_nothing_to_compare_is_an_error(tmp_path: Path) -> None:
    saved(tmp_path / "a", name="a", input=InputRule(size=(32, 32)))
    library = ModelLibrary(tmp_path)
    bad = replace(case(1), mask=np.zeros((3, 3), np.uint8))
    for pairs, words in (([], "nothing to compare"), ([bad], "case-1")):
        with pytest.raises(UserError, match=words):
            finish(compare_models("a", "a", pairs, "cpu", library=library))
    with pytest.raises(UserError, match="no model named b"):
        finish(compare_models("a", "b", [case(0)], "cpu", library=library))


def test_cases_of_one_look_and_unknown_patient_count_once(tmp_path: Path) -> None:
    """The same film under four names, and its patient unknown."""
    library = ModelLibrary(tmp_path)
    described = {"input": InputRule(size=(32, 32))}
    for name in ("one", "two"):
        saved(tmp_path / name, name=name, **described)
    films = [replace(case(0, patient=""), id=f"copy {k}", content_hash=f"{k:064x}") for k in range(4)]
    side, events = finish(compare_models("one", "two", [*films, case(5), case(6)], "cpu", library=library))
    assert (len(side[0].cases), side[0].patients) == (6, 3)
    assert [event.cases for event in events if isinstance(event, Familiar)] == [0, 0]


def test_what_a_model_was_fitted_to_in_another_project_is_no_fair_test(tmp_path: Path) -> None:
    library = ModelLibrary(tmp_path)
    parent(library)
    tuned(library, cases(3), name="ours")
    foreign = [
        replace(pair, id=f"x{k}", patient=f"y{k}", content_hash="" if k else pair.content_hash)
        for k, pair in enumerate(cases(5))
    ]
    _, events = finish(compare_models("tiny", "ours", foreign, "cpu", library=library))
    told = [event.sentence() for event in events if isinstance(event, Familiar)]
    assert told == ["", "ours was trained on 3 of these 5 images: the test is biased."]
