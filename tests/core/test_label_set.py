"""What the numbers in a mask mean, as a value."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT, Label, LabelSet, named_set
from napari_unet.core.labels import IGNORE
from napari_unet.models.output import Output

HEART = named_set(("right lung", "left lung", "heart"))
MASK = np.array([[0, 1, 2], [3, IGNORE, 1]], np.uint8)


def test_strays_are_what_the_set_does_not_know() -> None:
    assert HEART.strays(MASK) == () and named_set(("heart",)).strays(MASK) == (2, 3)
    sure = LabelSet("sure", HEART.labels[:2], not_sure=False)
    assert sure.strays(MASK) == (3, IGNORE)
    assert HEART.strays(np.array([[-1, 300, 3]])) == (-1, 300) and HEART.strays(MASK > 0) == ()


@pytest.mark.parametrize("lungs", [LUNGS, RIGHT_AND_LEFT])
def test_a_mask_of_lungs_may_tell_the_sides_apart_whichever_of_the_two_sets_it_is_of(lungs) -> None:
    assert lungs.strays(MASK) == (3,) and lungs.of_lungs
    assert LUNGS.takes(lungs) and RIGHT_AND_LEFT.takes(lungs)


def test_a_set_takes_masks_whose_labels_are_among_its_own() -> None:
    assert HEART.takes(RIGHT_AND_LEFT) and not RIGHT_AND_LEFT.takes(HEART)
    assert not HEART.takes(LUNGS)  # 1 is the right lung there
    assert not HEART.takes(named_set(("left lung", "right lung"))) and not HEART.of_lungs
    assert named_set(("Lung",)).of_lungs and not named_set(("left lung", "right lung")).of_lungs


@pytest.mark.parametrize("labels", [LUNGS, RIGHT_AND_LEFT, LabelSet("sure", LUNGS.labels, not_sure=False)])
def test_a_set_is_the_same_after_it_was_kept_as_json_which_a_card_reads_too(labels) -> None:
    kept = json.loads(json.dumps(labels.to_json()))
    assert LabelSet.from_json(kept) == labels
    assert Output.model_validate({"labels": kept}).labels == labels


def test_names() -> None:
    assert RIGHT_AND_LEFT.in_words() == "1 right lung, 2 left lung"
    assert LUNGS.all_in_words() == "1 (lung, right lung), 2 (left lung) or 255 (not sure)"
    assert HEART.all_in_words() == "1 (right lung), 2 (left lung), 3 (heart) or 255 (not sure)"
    assert named_set(("lung",)) is LUNGS and named_set(("right lung", "left lung")) is RIGHT_AND_LEFT
    assert named_set(("heart", "lung")).values == (1, 2)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Label(0, "background"),
        lambda: Label(IGNORE, "not sure"),
        lambda: Label(1, ""),
        lambda: LabelSet("none", ()),
        lambda: LabelSet("twice", (Label(1, "a"), Label(1, "b"))),
        lambda: LabelSet("twice", (Label(1, "a"), Label(2, "a"))),
    ],
)
def test_what_cannot_be_a_label_or_a_set(make) -> None:
    with pytest.raises(ValueError):
        make()


def test_a_left_lung_says_that_a_mask_tells_sides_and_a_right_one_does_not() -> None:
    hearts = named_set(("right lung", "left lung", "heart"))
    right, both = np.array([[0, 1]], np.uint8), np.array([[2, 1]], np.uint8)
    assert LUNGS.of_mask(right) == LUNGS and LUNGS.of_mask(both) == RIGHT_AND_LEFT
    assert RIGHT_AND_LEFT.of_mask(right) == RIGHT_AND_LEFT and hearts.of_mask(both) == hearts
