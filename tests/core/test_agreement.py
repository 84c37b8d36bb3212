"""One number over all labels of a set."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.agreement import mean_dice, worst_hd95
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT, named_set
from napari_unet.core.labels import IGNORE

HEART = named_set(("right lung", "left lung", "heart"))


def drawn() -> np.ndarray:
    mask = np.zeros((40, 40), np.uint8)
    mask[5:35, 2:12], mask[5:35, 28:38], mask[20:30, 15:25] = 1, 2, 3
    return mask


def test_each_label_counts_as_much_as_another_whatever_its_size() -> None:
    mask, moved = drawn(), drawn()
    moved[20:30, 15:25] = 0
    moved[20:30, 20:25] = 3  # half of the heart
    assert mean_dice(mask, moved, HEART) == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert worst_hd95(mask, moved, HEART, None) == 5.0
    assert worst_hd95(mask, moved, HEART, (0.5, 2.0)) == 10.0


def test_swapped_labels_agree_where_they_are_lungs_and_nowhere_else() -> None:
    mask = np.where(drawn() == 3, 0, drawn())
    swapped = np.choose(mask, [0, 2, 1]).astype(np.uint8)
    for lungs in (LUNGS, RIGHT_AND_LEFT):
        assert mean_dice(mask, swapped, lungs) == 1.0
    assert mean_dice(mask, swapped, HEART) == 0.0


def test_a_label_that_neither_holds_says_nothing_and_one_that_only_one_holds_is_wrong() -> None:
    mask = drawn()
    without = np.where(mask == 3, 0, mask)
    assert mean_dice(without, without, HEART) == 1.0
    assert mean_dice(without, mask, HEART) == pytest.approx(2 / 3)
    assert np.isnan(mean_dice(mask * 0, mask * 0, HEART))
    assert np.isnan(worst_hd95(mask * 0, mask, HEART, None))


def test_what_nobody_is_sure_of_has_no_say() -> None:
    mask, other = drawn(), drawn()
    other[20:30, 15:25] = IGNORE
    assert mean_dice(mask, other, HEART) == 1.0
