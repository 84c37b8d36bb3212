"""Threshold edits change what the threshold changes and leave what was painted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.edits import ThresholdTrail, changes, follow_threshold, with_foreground


def _masks(*sizes: int) -> list[np.ndarray]:
    masks = []
    for size in sizes:
        mask = np.zeros((13, 11), bool)
        mask[:size, :size] = True
        masks.append(mask)
    return masks


def test_only_what_the_threshold_changes_changes():
    before, after = _masks(6, 4)
    painted = before.copy()
    painted[10, 10] = True  # added by hand
    painted[0, 0] = False  # erased by hand
    result = follow_threshold(painted, before, after)
    assert result[10, 10] and not result[0, 0]
    assert not result[5, 5] and result[3, 3]


def test_there_and_back_is_the_painted_mask():
    before, after = _masks(6, 4)
    painted = before.copy()
    painted[9, 2] = True
    there = follow_threshold(painted, before, after)
    assert np.array_equal(follow_threshold(there, after, before), painted)


def test_the_trail_knows_the_mask_after_undo_and_under_paint():
    small, middle, large = _masks(3, 6, 9)
    trail = ThresholdTrail()
    for threshold, mask in ((0.8, small), (0.5, middle), (0.2, large)):
        trail.add(threshold, mask)
    painted = middle.copy()
    painted[12, 10] = True
    threshold, mask = trail.nearest(painted)
    assert threshold == 0.5
    assert np.array_equal(mask, middle) and mask.dtype == bool


def test_the_last_of_equal_masks_is_taken():
    (mask,) = _masks(5)
    trail = ThresholdTrail()
    trail.add(0.5, mask)
    trail.add(0.4, mask)
    assert trail.nearest(mask)[0] == 0.4


def test_the_trail_is_bounded():
    trail = ThresholdTrail(length=2)
    small, middle, large = _masks(3, 6, 9)
    trail.add(0.8, small)
    trail.add(0.5, middle)
    trail.add(0.2, large)
    assert trail.nearest(small)[0] == 0.5


def test_an_empty_trail_has_no_nearest():
    with pytest.raises(ValueError, match="no automatic mask"):
        ThresholdTrail().nearest(np.zeros((2, 2), bool))


def test_hand_painted_labels_stay():
    labels = np.array([[0, 1, 3]], np.uint8)
    assert with_foreground(labels, np.array([[2, 0, 1]]), own=(1, 2)).tolist() == [[2, 0, 3]]
    assert with_foreground(labels, np.array([[2, 0, 1]]), own=(1, 2)).dtype == np.uint8


def test_changes_give_the_new_mask():
    old, new = (mask.astype(np.uint8) for mask in _masks(6, 4))
    where, values = changes(old, new)
    assert len(values) == 36 - 16
    old[where] = values
    assert np.array_equal(old, new)
