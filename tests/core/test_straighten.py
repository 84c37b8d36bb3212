"""Shifted slices on an upright grid, and uneven ones on an even grid."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.even_slices import Level, even_stack
from napari_unet.core.straighten import between, placed, upright_grid


def test_slices_that_are_whole_steps_apart_are_copied() -> None:
    even = even_stack([0, 2, 4, 10, 12])
    assert even is not None and even.step_mm == 2 and (even.missing, even.computed) == (2, 0)
    assert [even.source_of(z) for z in range(7)] == [0, 1, 2, None, None, 3, 4]


def test_a_slice_between_two_has_its_share_of_both() -> None:
    even = even_stack([0, 2, 4, 7, 10])
    assert even is not None and even.step_mm == 2
    assert even.levels == (
        *(Level(0, 0, 0), Level(1, 1, 0), Level(2, 2, 0)),
        *(Level(2, 3, pytest.approx(2 / 3)), Level(3, 4, pytest.approx(1 / 3)), Level(4, 4, 0)),
    )
    assert (even.nearest, even.farthest) == (2, 3) and even.source_of(3) is None


def test_what_cannot_be_made_even() -> None:
    assert even_stack([0, 1, 2, 30]) is None
    assert even_stack([0, 0.1, 10]) is None


def test_a_grid_has_room_for_each_slice() -> None:
    grid = upright_grid(np.array([[0, 0], [1.5, -0.25], [3, -0.5]]), (4, 5))
    assert grid.first == (0, -1) and grid.shape == (7, 6)
    assert np.allclose(grid.shifts, [[0, 1], [1.5, 0.75], [3, 0.5]])


def test_a_slice_is_moved_by_parts_of_pixels_and_never_mixed_with_padding() -> None:
    values = np.add.outer(np.arange(5) * 100, np.arange(6) * 10).astype(np.int16)
    padded = np.zeros(values.shape, bool)
    padded[0, 0] = True
    moved, outside = placed(values, padded, np.array([2.25, 1.0]), (8, 7))
    inside = ~outside
    y, x = np.mgrid[:8, :7]
    assert moved.dtype == np.int16
    assert np.array_equal(moved[inside], ((y - 2.25) * 100 + (x - 1) * 10)[inside])
    assert inside.sum() == 4 * 6 - 1 and outside[3, 1] and not outside[4, 1]
    whole, empty = placed(values, None, np.array([3.0, 0.0]), (8, 7))
    assert np.array_equal(whole[3:, :6], values) and empty.sum() == 8 * 7 - values.size


def test_between_two_slices() -> None:
    low, high = np.full((2, 2), -100, np.int16), np.full((2, 2), 300, np.int16)
    assert between(low, high, 0.25).tolist() == [[0, 0], [0, 0]]
    assert between(low, high.astype(np.float32), 0.5).dtype == np.float32
