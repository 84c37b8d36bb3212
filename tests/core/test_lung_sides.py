"""Telling the right lung from the left, by laws and by shapes that can be checked by eye."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mask_shapes import blobs, count, lungs

from napari_unet.core import lung_sides
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT
from napari_unet.core.lung_sides import sides_and_parts, split_left_right, told_apart


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="got shape"):
        split_left_right(np.zeros(5, bool))


def test_two_lungs_by_the_side_of_the_image() -> None:
    labels = split_left_right(lungs(), "L")
    # the patient's right is on the image's left
    np.testing.assert_array_equal(labels == 1, lungs(right=False))
    np.testing.assert_array_equal(labels == 2, lungs(left=False))
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(split_left_right(lungs(), None), labels)
    np.testing.assert_array_equal(split_left_right(lungs(), "R"), np.array([0, 2, 1], np.uint8)[labels])


@pytest.mark.parametrize("side", [1, 2])
@pytest.mark.parametrize("half", [False, True])
def test_one_lung_is_told_by_its_half_of_the_image(side: int, half: bool) -> None:
    mask = lungs(left=side == 1, right=side == 2)
    if half:
        mask[60:] = False
    labels = split_left_right(mask, "L")
    np.testing.assert_array_equal(labels, side * mask)


def test_labels_that_tell_sides_go_before_the_place() -> None:
    alone = lungs(left=False).astype(np.uint8)  # the image's right, where a left lung is expected
    unsure = alone.copy()
    unsure[0, 0] = 255
    assert np.array_equal(told_apart(unsure, RIGHT_AND_LEFT, "L", per_slice=False), alone)
    assert np.array_equal(told_apart(unsure, LUNGS, "L", per_slice=False), 2 * alone)
    both = lungs().astype(np.uint8)
    both[:, :60] *= 2
    assert np.array_equal(told_apart(both, LUNGS, "L", per_slice=False), both)


def test_one_lung_in_two_pieces_is_one_lung() -> None:
    mask = lungs(right=False)
    mask[58:62] = False
    np.testing.assert_array_equal(split_left_right(mask), mask.astype(np.uint8))


@pytest.mark.parametrize("top", [30, 50, 75])
@pytest.mark.parametrize("thickness", [1, 8, 20])
def test_lungs_that_touch_are_cut_at_the_bridge(top: int, thickness: int) -> None:
    apart = lungs()
    joined = apart.copy()
    joined[top : top + thickness, 33:77] = True
    assert count(joined) == 1
    labels = split_left_right(joined)
    expected = split_left_right(apart)
    assert (labels[apart] == expected[apart]).mean() > 0.99
    assert count(labels == 1) == count(labels == 2) == 1


def test_lungs_that_touch_twice_are_cut_twice() -> None:
    joined = lungs()
    joined[30:33, 33:77] = joined[84:88, 33:77] = True
    labels = split_left_right(joined)
    assert (labels[lungs()] == split_left_right(lungs())[lungs()]).mean() > 0.99


def test_lungs_off_the_middle_and_specks_go_to_a_side() -> None:
    mask = np.pad(lungs(), ((0, 0), (30, 0)))
    np.testing.assert_array_equal(split_left_right(mask)[:, 30:], split_left_right(lungs()))
    speckled = lungs()
    speckled[0, 0] = speckled[119, 109] = True
    labels = split_left_right(speckled)
    assert (labels[0, 0], labels[119, 109]) == (1, 2)


def test_a_stack_is_split_slice_by_slice_a_volume_as_one() -> None:
    stack = np.stack([lungs(), lungs(right=False), np.zeros((120, 110), bool)])
    labels = split_left_right(stack)
    np.testing.assert_array_equal(labels, np.stack([split_left_right(one) for one in stack]))
    # in a volume, the end of one lung may lie beyond the middle of the image
    volume = np.stack([np.roll(lungs(), 12, 1)] * 5 + [np.roll(lungs(right=False), 25, 1)])
    assert set(np.unique(split_left_right(volume, per_slice=False)[-1])) == {0, 1}
    assert split_left_right(np.zeros((0, 4, 4), bool)).shape == (0, 4, 4)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 999), share=st.floats(0, 1), height=st.integers(1, 40), width=st.integers(1, 40))
def test_every_mask_pixel_gets_a_side_and_nothing_else_does(
    seed: int, share: float, height: int, width: int
) -> None:
    mask = blobs(seed, (height, width), share)
    labels = split_left_right(mask, "L")
    np.testing.assert_array_equal(labels > 0, mask)
    assert labels.max(initial=0) <= 2
    np.testing.assert_array_equal(split_left_right(mask, "R"), np.array([0, 2, 1], np.uint8)[labels])


@pytest.mark.parametrize("mask", [lungs(), lungs(left=False), np.zeros((4, 4), bool)])
def test_a_mirrored_image_is_mirrored_labels(mask: np.ndarray) -> None:
    """Seen from the other side, and said so: the same lung keeps its name."""
    np.testing.assert_array_equal(split_left_right(mask[:, ::-1], "R")[:, ::-1], split_left_right(mask, "L"))


def cheapest_path(cost):
    """What `_cheapest_paths` finds, for one slice (Y, X), row after row."""
    total = cost.copy()
    for y in range(1, len(cost)):
        before = np.pad(total[y - 1], 1, constant_values=np.inf)
        total[y] += np.minimum(np.minimum(before[:-2], before[1:-1]), before[2:])
    path = [int(np.argmin(total[-1]))]
    for y in range(len(cost) - 2, -1, -1):
        start = max(0, path[-1] - 1)
        path.append(start + int(np.argmin(total[y, start : path[-1] + 2])))
    return path[::-1]


@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 7), st.integers(0, 10_000))
def test_all_slices_at_once_give_the_cuts_of_each_slice(height, slices, width, seed):
    cost = np.random.default_rng(seed).integers(0, 3, (height, slices, width)).astype(np.float32)  # many ties
    expected = np.array([cheapest_path(cost[:, z]) for z in range(slices)]).T
    np.testing.assert_array_equal(lung_sides._cheapest_paths(cost.copy()), expected)


def test_sides_and_parts_count_what_the_split_tells_apart():
    volume = np.stack([lungs(), np.zeros_like(lungs()), lungs()])
    labels = split_left_right(volume, "R", per_slice=False)
    right, left, sizes = sides_and_parts(volume, "R")
    assert (right, left) == (np.count_nonzero(labels == 1), np.count_nonzero(labels == 2))
    assert sizes.sum() == volume.sum() and np.count_nonzero(sizes) == 4
    assert sides_and_parts(np.zeros((3, 4), bool), None)[:2] == (0, 0)


def test_a_volume_costs_no_python_loop_over_its_slices():
    """Its time against that of its slices one by one: an eighth or less here, a half is asked for."""
    cost = np.random.default_rng(0).random((200, 48, 120), np.float32)

    def seconds(work):
        start = perf_counter()
        work()
        return perf_counter() - start

    together = min(seconds(lambda: lung_sides._cheapest_paths(cost.copy())) for _ in range(3))
    apart = min(seconds(lambda: [cheapest_path(cost[:, z]) for z in range(48)]) for _ in range(2))
    assert together < apart / 2
