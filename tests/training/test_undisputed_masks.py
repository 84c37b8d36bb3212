"""What a parent's images teach an answer by another protocol."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_chests import SHAPE, chest
from net_fakes import card, dark_is_lung

from napari_unet.core.chest_zones import Zone, chest_zones
from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import named_set
from napari_unet.core.labels import IGNORE
from napari_unet.models.replay_set import ReplayItem, ReplaySet
from napari_unet.training.samples import Samples
from napari_unet.training.undisputed import drawn_beside, undisputed

LUNGS, PARTS = chest()
WHOLE = LUNGS | PARTS["heart"]
CARD = card(input=InputRule(size=SHAPE))


def taught(*masks: np.ndarray) -> Samples:
    """Cases in which the model of `dark_is_lung` draws the visible lungs."""
    images = np.repeat(np.where(LUNGS, 0.2, 0.8).astype(np.float32)[None, None], len(masks), axis=0)
    labels = np.stack(masks)[:, None].astype(np.float32)
    return Samples(images, labels, np.ones_like(labels))


def parents(*masks: np.ndarray) -> ReplaySet:
    labels = np.stack(masks).astype(np.uint8)
    return ReplaySet(labels * 100, labels, tuple(ReplayItem("replay") for _ in masks))


def test_the_parents_images_teach_nothing_where_protocols_differ() -> None:
    cases = drawn_beside(dark_is_lung(), CARD, taught(WHOLE, WHOLE))
    assert all(np.array_equal(drawn, LUNGS) for drawn, _, _ in cases) and len(cases) == 2
    mine, _ = chest(seed=3)
    found = undisputed(parents(mine), CARD, cases)
    assert found is not None and len(found) == 1
    valid, around = found.valid[0, 0] > 0, chest_zones(mine)
    assert around is not None
    assert set(np.unique(around.zones[valid])) == {Zone.LUNG, Zone.OUTSIDE, Zone.SPINE}
    assert valid[around.zones == Zone.OUTSIDE].all()
    assert np.array_equal(found.masks[0, 0] > 0, mine)


def test_what_is_ignored_in_an_image_stays_so() -> None:
    labels = np.where(np.arange(SHAPE[0])[:, None] > 230, IGNORE, LUNGS).astype(np.uint8)
    images = replace(parents(LUNGS), labels=labels[None])
    found = undisputed(images, CARD, drawn_beside(dark_is_lung(), CARD, taught(WHOLE)))
    assert found is not None and found.valid.any() and not found.valid[0, 0][labels == IGNORE].any()


def test_only_images_with_a_chest_are_left() -> None:
    cases = drawn_beside(dark_is_lung(), CARD, taught(WHOLE))
    one_lung = LUNGS & (np.arange(SHAPE[1]) < SHAPE[1] // 2)
    found = undisputed(parents(one_lung, LUNGS), CARD, cases)
    assert found is not None and len(found) == 1 and (found.masks[0, 0] > 0).sum() == LUNGS.sum()
    assert undisputed(parents(one_lung), CARD, cases) is None
    assert undisputed(parents(LUNGS), CARD, []) is None


def test_cases_in_which_the_model_failed_say_nothing() -> None:
    assert drawn_beside(dark_is_lung(), CARD, taught(PARTS["abdomen"])) == []


@pytest.mark.parametrize(
    "other",
    [
        CARD.with_output(labels=named_set(("cell",))),
        CARD.model_copy(update={"input": InputRule(size=(32, 256, 256), axes=3)}),
    ],
)
def test_other_organs_and_volumes_have_no_zones(other: object) -> None:
    assert drawn_beside(dark_is_lung(), other, taught(WHOLE)) == []  # type: ignore[arg-type]
