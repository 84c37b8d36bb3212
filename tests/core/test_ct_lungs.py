"""Both lungs of a CT cleaned together: one side for each part, sides never exchanged."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.clean_labels import clean_labels
from napari_unet.core.masks import MaskRule

RULE = MaskRule(largest_parts=1, per_slice=False, both_lungs=True)


def _lungs() -> np.ndarray:
    """Right lung 1 and left lung 2, which touch in front (low Y)."""
    labels = np.zeros((12, 30, 40), np.uint8)
    labels[1:-1, 4:26, 4:18] = 1
    labels[1:-1, 4:26, 22:36] = 2
    labels[4:8, 4:8, 18:20] = 1
    labels[4:8, 4:8, 20:22] = 2
    return labels


def _cleaned(labels: np.ndarray, rule: MaskRule = RULE) -> np.ndarray:
    return clean_labels(labels, (1, 2), rule, (3.0, 2.0, 2.0))


def test_two_lungs_that_touch_stay_as_they_are() -> None:
    labels = _lungs()
    before = labels.copy()
    np.testing.assert_array_equal(_cleaned(labels), before)
    np.testing.assert_array_equal(labels, before)


def test_a_piece_of_one_lung_inside_the_other_becomes_the_other() -> None:
    labels = _lungs()
    labels[3:6, 20:24, 24:30] = 1
    labels[8:10, 20:26, 4:9] = 2
    np.testing.assert_array_equal(_cleaned(labels), _lungs())


def test_specks_beside_the_lungs_are_dropped_and_holes_are_filled() -> None:
    labels = _lungs()
    labels[0, 0, 0] = labels[0, 28, 38] = 1
    labels[5:7, 15:18, 25:28] = 0
    labels[5, 15, 8] = 0
    np.testing.assert_array_equal(_cleaned(labels), _lungs())


def test_a_hole_between_the_lungs_is_divided_among_them() -> None:
    labels = _lungs()
    labels[5, 5, 19:21] = 0  # on the border of both
    np.testing.assert_array_equal(_cleaned(labels), _lungs())


@pytest.mark.parametrize("value", [1, 2])
def test_a_single_lung_keeps_its_side_where_it_crosses_the_midline(value: int) -> None:
    labels = np.where(_lungs() == value, np.uint8(value), np.uint8(0))
    labels[4:8, 4:8, 14:26] = value
    crossing = (slice(4, 8), slice(4, 8), slice(22, 26) if value == 1 else slice(14, 18))
    expected = labels.copy()
    labels[crossing] = 3 - value  # the network gives its tip to the side on which it lies
    np.testing.assert_array_equal(_cleaned(labels), expected)


def test_a_small_second_lung_is_not_swallowed_by_the_one_it_touches() -> None:
    """Collapsed: it lies against the other along a narrow line only."""
    labels = _lungs()
    labels[labels == 1] = 0
    labels[3:9, 12:20, 12:17] = 1  # 240 of 3144 voxels
    labels[4:6, 12:14, 17:22] = 1
    np.testing.assert_array_equal(_cleaned(labels), labels)


def test_parts_of_a_lung_stay_where_the_rule_keeps_several() -> None:
    labels = _lungs()
    labels[1:-1, 14:16, :19] = 0  # fluid in a fissure
    kept = _cleaned(labels, MaskRule(largest_parts=2, min_part_share=0.1, per_slice=False, both_lungs=True))
    np.testing.assert_array_equal(kept, labels)
    alone = _cleaned(labels)
    assert (alone == 2).sum() == (labels == 2).sum() and (alone == 1).sum() < (labels == 1).sum()


def test_nothing_stays_nothing() -> None:
    assert not _cleaned(np.zeros((4, 5, 6), np.uint8)).any()


def test_smoothing_adds_and_removes_but_exchanges_no_side() -> None:
    labels = _lungs()
    labels[6, 12, 18] = 1
    found = _cleaned(labels, MaskRule(1, smoothing=2.0, per_slice=False, both_lungs=True))
    assert not ((found == 1) & (labels == 2)).any() and not ((found == 2) & (labels == 1)).any()
    assert found[6, 12, 18] == 0


def test_it_is_for_volumes() -> None:
    with pytest.raises(ValueError, match="per_slice"):
        MaskRule(both_lungs=True)
