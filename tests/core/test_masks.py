"""Cleaning and telling left from right, by laws and by shapes that can be checked by eye."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_unet.core import masks
from napari_unet.core.masks import (
    MaskRule,
    bounding_box,
    clean,
    fill_holes,
    hole_sizes,
    part_sizes,
    sides_and_parts,
    split_left_right,
    threshold_mask,
)


def blobs(seed: int, shape: tuple[int, ...] = (48, 40), share: float = 0.5) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2)
    return np.asarray(noise > np.quantile(noise, share))


def lungs(shape: tuple[int, int] = (120, 110), left: bool = True, right: bool = True) -> np.ndarray:
    """Two slanted ovals; `left` and `right` are sides of the image."""
    y, x = np.mgrid[: shape[0], : shape[1]] / np.array(shape)[:, None, None]
    lean = 0.15 * (y - 0.5)
    one = ((y - 0.5) / 0.36) ** 2 + ((x - 0.3 + lean) / 0.13) ** 2 < 1
    other = ((y - 0.5) / 0.36) ** 2 + ((x - 0.7 - lean) / 0.13) ** 2 < 1
    return np.asarray((one & left) | (other & right))


def count(mask: np.ndarray) -> int:
    return int(ndimage.label(mask)[1])


# threshold


def test_threshold_includes_its_own_value_and_never_nan() -> None:
    probability = np.array([[0.2, 0.5, np.nan, 0.9]], np.float32)
    np.testing.assert_array_equal(threshold_mask(probability, 0.5), [[False, True, False, True]])
    assert threshold_mask(probability, 0.0).dtype == bool


@given(low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_higher_threshold_never_adds(low: float, high: float) -> None:
    probability = np.random.default_rng(0).random((9, 9), np.float32)
    low, high = sorted((low, high))
    assert not (threshold_mask(probability, high) & ~threshold_mask(probability, low)).any()


# clean


def test_largest_parts_are_kept_and_specks_dropped() -> None:
    mask = lungs()
    speckled = mask.copy()
    speckled[2, 2] = speckled[100, 3:6] = True
    np.testing.assert_array_equal(clean(speckled, MaskRule()), mask)
    assert count(clean(speckled, MaskRule(largest_parts=1))) == 1
    np.testing.assert_array_equal(clean(speckled, MaskRule(largest_parts=0)), speckled)


def test_a_small_second_part_stays_only_above_its_share() -> None:
    mask = np.zeros((30, 60), bool)
    mask[5:25, 5:25] = True  # 400
    mask[10:15, 40:45] = True  # 25
    assert count(clean(mask, MaskRule(min_part_share=0.06))) == 2
    assert count(clean(mask, MaskRule(min_part_share=0.07))) == 1


def test_parts_that_meet_at_a_corner_are_two() -> None:
    mask = np.zeros((10, 10), bool)
    mask[:5, :5] = mask[5:, 5:] = True
    assert count(clean(mask, MaskRule(largest_parts=1))) == 1
    assert clean(mask, MaskRule(largest_parts=1)).sum() == 25


def test_holes_are_filled_but_bays_stay_open() -> None:
    mask = np.zeros((20, 20), bool)
    mask[2:18, 2:18] = True
    mask[5:8, 5:8] = False  # closed in
    mask[10:12, 10:18] = False  # open to the side
    filled = clean(mask, MaskRule())
    assert filled[5:8, 5:8].all() and not filled[10:12, 10:18].any()
    np.testing.assert_array_equal(clean(mask, MaskRule(fill_holes=False)), mask)
    touching = np.ones((6, 6), bool)
    touching[0, 2] = False  # at the image's edge: open
    np.testing.assert_array_equal(fill_holes(touching), touching)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), parts=st.integers(1, 4), share=st.floats(0, 0.5), flat=st.booleans())
def test_laws_without_smoothing(seed: int, parts: int, share: float, flat: bool) -> None:
    mask = blobs(seed, (48, 40) if flat else (7, 24, 20))
    rule = MaskRule(parts, share, per_slice=False)
    cleaned = clean(mask, rule)
    _, sizes = part_sizes(cleaned)
    assert cleaned.dtype == bool and cleaned.shape == mask.shape
    assert 1 <= np.count_nonzero(sizes) <= parts
    assert sizes[sizes > 0].min() >= share * sizes.max()
    np.testing.assert_array_equal(fill_holes(cleaned), cleaned)
    np.testing.assert_array_equal(clean(cleaned, rule), cleaned)
    # what is new was closed in
    np.testing.assert_array_equal(cleaned & ~mask, cleaned & ~mask & ndimage.binary_fill_holes(mask))
    everything = MaskRule(largest_parts=0)
    np.testing.assert_array_equal(clean(mask[..., ::-1], everything), clean(mask, everything)[..., ::-1])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), smoothing=st.floats(0.3, 6))
@example(seed=20, smoothing=5.75)
@example(seed=715, smoothing=6.0)
def test_smoothing_keeps_every_part_in_one_piece(seed: int, smoothing: float) -> None:
    mask = blobs(seed, share=0.7)
    before, after = clean(mask, MaskRule()), clean(mask, MaskRule(smoothing=smoothing))
    assert 1 <= count(after) <= count(before)
    labels, _ = ndimage.label(before)
    for label in range(1, labels.max() + 1):
        assert (after & (labels == label)).any()
    near = ndimage.binary_dilation(before, iterations=int(np.ceil(2 * smoothing)) * 2)
    assert not (after & ~near).any()


def test_smoothing_rounds_a_ragged_edge() -> None:
    mask = np.zeros((60, 60), bool)
    mask[10:50, 10:40] = True
    mask[12:48:4, 40] = True  # teeth
    mask[12:48:4, 10] = False  # and notches of one pixel
    smooth = clean(mask, MaskRule(smoothing=2.0))
    assert not smooth[:, 40].any()
    assert smooth[14:46, 10].all()
    assert smooth.sum() == pytest.approx(40 * 30, rel=0.02)


def test_smoothing_keeps_a_thin_long_structure_and_a_narrow_gap() -> None:
    mask = np.zeros((80, 80), bool)
    mask[10:50, 5:39] = mask[10:50, 41:75] = True  # two lungs, two pixels apart
    mask[50:70, 20:22] = True  # a costophrenic angle
    smooth = clean(mask, MaskRule(smoothing=3.0))
    assert smooth[50:68, 20:22].all()
    assert not smooth[14:46, 39:41].any()
    thin = np.zeros((40, 40), bool)
    thin[5:35, 20] = True
    assert clean(thin, MaskRule(smoothing=5.0)).any()


def test_smoothing_is_in_mm_where_the_spacing_is_known() -> None:
    mask = lungs()
    in_px = clean(mask, MaskRule(smoothing=4.0))
    np.testing.assert_array_equal(clean(mask, MaskRule(smoothing=2.0), (0.5, 0.5)), in_px)
    assert (clean(mask, MaskRule(smoothing=2.0)) != in_px).any()


def test_a_stack_is_cleaned_slice_by_slice_a_volume_as_one() -> None:
    stack = np.zeros((2, 30, 30), bool)
    stack[0, 2:12, 2:12] = True
    stack[1, 20:23, 20:23] = True
    np.testing.assert_array_equal(clean(stack, MaskRule(), (9.0, 1.0, 1.0)), stack)
    volume = clean(stack, MaskRule(largest_parts=1, per_slice=False))
    assert volume[0].any() and not volume[1].any()
    assert clean(np.zeros((0, 4, 4), bool), MaskRule()).shape == (0, 4, 4)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (3, 4, 5)])
@pytest.mark.parametrize("full", [False, True])
def test_empty_and_full_masks_stay_as_they_are(shape: tuple[int, ...], full: bool) -> None:
    mask = np.full(shape, full)
    np.testing.assert_array_equal(clean(mask, MaskRule(smoothing=2.0)), mask)


def test_the_input_is_not_changed_and_integers_are_taken() -> None:
    mask = lungs().astype(np.uint8) * 255
    before = mask.copy()
    assert clean(mask, MaskRule(smoothing=1.0)).dtype == bool
    np.testing.assert_array_equal(mask, before)


def test_big_masks_with_many_specks_are_cleaned_fast() -> None:
    mask = np.kron(lungs((128, 128)), np.ones((16, 16), bool))
    for y, x in np.random.default_rng(0).integers(10, 2030, (400, 2)):
        mask[y - 8 : y + 8, x - 8 : x + 8] ^= True
    times = []
    for _ in range(3):
        start = perf_counter()
        clean(mask, MaskRule(smoothing=3.0))
        times.append(perf_counter() - start)
    assert min(times) < 1.0  # 0.17 s on an idle core; room for a busy machine


@pytest.mark.parametrize(
    "wrong", [{"largest_parts": -1}, {"min_part_share": 1.5}, {"smoothing": -1.0}, {"smoothing": np.nan}]
)
def test_a_rule_checks_itself(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        MaskRule(**wrong)  # type: ignore[arg-type]


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="got shape"):
        clean(np.zeros(5, bool), MaskRule())
    with pytest.raises(ValueError, match="spacing"):
        clean(np.zeros((5, 5), bool), MaskRule(), (1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="got shape"):
        split_left_right(np.zeros(5, bool))


def test_bounding_box() -> None:
    mask = np.zeros((9, 8, 7), bool)
    assert bounding_box(mask) is None
    mask[2, 3, 4] = mask[5, 3, 6] = True
    assert bounding_box(mask) == (slice(2, 6), slice(3, 4), slice(4, 7))


# left and right


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
    np.testing.assert_array_equal(masks._cheapest_paths(cost.copy()), expected)


def test_sides_and_parts_count_what_the_split_tells_apart():
    volume = np.stack([lungs(), np.zeros_like(lungs()), lungs()])
    labels = split_left_right(volume, "R", per_slice=False)
    right, left, sizes = sides_and_parts(volume, "R")
    assert (right, left) == (np.count_nonzero(labels == 1), np.count_nonzero(labels == 2))
    assert sizes.sum() == volume.sum() and np.count_nonzero(sizes) == 4
    assert sides_and_parts(np.zeros((3, 4), bool), None)[:2] == (0, 0)


@given(arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 7))))
def test_holes_are_what_filling_adds(mask):
    assert sorted(hole_sizes(mask)) == sorted(part_sizes(fill_holes(mask) & ~mask)[1][1:])


def test_a_volume_costs_no_python_loop_over_its_slices():
    """Its time against that of its slices one by one: an eighth or less here, a half is asked for."""
    cost = np.random.default_rng(0).random((200, 48, 120), np.float32)

    def seconds(work):
        start = perf_counter()
        work()
        return perf_counter() - start

    together = min(seconds(lambda: masks._cheapest_paths(cost.copy())) for _ in range(3))
    apart = min(seconds(lambda: [cheapest_path(cost[:, z]) for z in range(48)]) for _ in range(2))
    assert together < apart / 2
