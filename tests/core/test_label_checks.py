"""Strays, and right and left in the same lung."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.checks import check_labels
from napari_unet.core.label_checks import MIXED, label_problem, sides_mixed
from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.core.labels import IGNORE, LEFT, RIGHT
from napari_unet.core.live import live_numbers


def two_lungs(right: int = RIGHT, left: int = LEFT) -> np.ndarray:
    labels = np.zeros((100, 120), np.uint8)
    labels[20:80, 15:50] = right
    labels[20:80, 70:105] = left
    return labels


def test_lungs_with_a_label_each_or_one_for_both_are_well() -> None:
    swapped, alone = two_lungs(LEFT, RIGHT), two_lungs(0, LEFT)
    touching = two_lungs()
    touching[40:60, 50:70] = RIGHT
    small = two_lungs()
    small[:, 70:] = 0
    small[50:60, 80:90] = LEFT  # what is left of a lung: less than the rule for two lungs asks for
    unsure = two_lungs()
    unsure[60:80, 70:105] = IGNORE
    for labels in (
        two_lungs(),
        two_lungs(1, 1),
        swapped,
        alone,
        touching,
        small,
        unsure,
        np.zeros((9, 9), int),
    ):
        assert label_problem(labels) == "", np.unique(labels)
        assert label_problem(np.stack([labels] * 3)) == ""


@pytest.mark.parametrize("towards", ["L", "R", None])
def test_a_stroke_of_two_in_a_mask_of_one_label_is_found(towards: str | None) -> None:
    for place in (np.s_[30:40, 20:40], np.s_[30:40, 80:100], np.s_[22:78, 70:75], np.s_[50:54, 108:118]):
        labels = two_lungs(1, 1)
        labels[place] = LEFT
        assert sides_mixed(labels, towards)
        assert "same lung" in label_problem(labels, towards)
        assert "labels" in check_labels(labels, None, towards)
        numbers, plain = (live_numbers(one, None, None, towards) for one in (labels, labels > 0))
        assert "same lung" in numbers.check_results[0].text
        assert (numbers.right_pixels, numbers.left_pixels) == (plain.right_pixels, plain.left_pixels)
        assert label_problem(np.stack([two_lungs(), labels]), towards, per_slice=True)
        assert not label_problem(labels, towards, sides=False)
    alone = two_lungs(1, 0)
    alone[30:40, 20:40] = LEFT
    assert sides_mixed(alone, towards)


def test_strays_are_named() -> None:
    labels = two_lungs().astype(np.int32)
    labels[0, 0] = 3
    assert label_problem(labels) == "Label 3 means nothing in a lung mask."
    assert check_labels(labels)[0] == "labels"
    labels[0, 1:3] = 300, -1
    assert label_problem(labels) == "Labels -1, 3, 300 mean nothing in a lung mask."
    assert live_numbers(labels, None, None, "L").check_results[0].text == label_problem(labels)


def test_a_lung_may_cross_the_midline_where_the_labels_tell_sides() -> None:
    labels = np.zeros((20, 60, 100), np.uint8)
    labels[:, 10:50, 60:90] = LEFT
    labels[:, 10:50, 5:45] = RIGHT
    labels[5:15, 10:30, 45:88] = RIGHT  # herniated before a left lung that was cut down to its lower half
    labels[:, :34, 60:90][labels[:, :34, 60:90] == LEFT] = 0
    assert sides_mixed(labels, "L") and not sides_mixed(labels, "L", told=True)
    assert label_problem(labels, "L", labels=RIGHT_AND_LEFT) == ""
    numbers = live_numbers(labels, None, None, "L", label_set=RIGHT_AND_LEFT)
    assert numbers.right_pixels == np.count_nonzero(labels == RIGHT)
    touching = labels.copy()
    touching[8:12, 28:36, 60:70] = RIGHT
    assert not sides_mixed(touching, "L", told=True)


def test_labels_that_tell_sides_are_mixed_where_one_lung_goes_on_in_the_other() -> None:
    labels = np.repeat(two_lungs()[None], 20, axis=0)
    assert label_problem(labels, "L", labels=RIGHT_AND_LEFT) == ""
    lower, slab = labels.copy(), labels.copy()
    lower[:, 40:][lower[:, 40:] == LEFT] = RIGHT
    slab[8:14][slab[8:14] == RIGHT] = LEFT
    for wrong in (lower, slab):
        assert label_problem(wrong, "L", labels=RIGHT_AND_LEFT) == MIXED
        assert "labels" in check_labels(wrong, None, "L", labels=RIGHT_AND_LEFT)
        numbers = live_numbers(wrong, None, None, "L", label_set=RIGHT_AND_LEFT)
        assert numbers.check_results[0].text == MIXED
        assert numbers.left_pixels == np.count_nonzero(wrong == LEFT), "as it is painted"
