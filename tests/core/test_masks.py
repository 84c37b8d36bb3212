"""Cleaning masks, by laws and by shapes that can be checked by eye."""

from __future__ import annotations

from time import process_time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mask_shapes import blobs, count, lungs
from scipy import ndimage

from napari_unet.core.masks import (
    MaskRule,
    bounding_box,
    clean,
    fill_holes,
    hole_sizes,
    part_sizes,
    threshold_mask,
)

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


def test_many_specks_hardly_slow_cleaning_down() -> None:
    plain = np.kron(lungs((128, 128)), np.ones((16, 16), bool))
    specks = plain.copy()
    for y, x in np.random.default_rng(0).integers(10, 2030, (400, 2)):
        specks[y - 8 : y + 8, x - 8 : x + 8] ^= True
    times: list[list[float]] = [[], []]
    for _ in range(3):
        for found, mask in zip(times, (plain, specks), strict=True):
            start = process_time()
            clean(mask, MaskRule(smoothing=3.0))
            found.append(process_time() - start)
    assert min(times[1]) < 6 * min(times[0])  # about 1.4; one pass for each speck would be some hundred


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


def test_bounding_box() -> None:
    mask = np.zeros((9, 8, 7), bool)
    assert bounding_box(mask) is None
    mask[2, 3, 4] = mask[5, 3, 6] = True
    assert bounding_box(mask) == (slice(2, 6), slice(3, 4), slice(4, 7))


@given(arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 7))))
def test_holes_are_what_filling_adds(mask):
    assert sorted(hole_sizes(mask)) == sorted(part_sizes(fill_holes(mask) & ~mask)[1][1:])
