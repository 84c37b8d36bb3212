"""Numbers that can be worked out by hand, laws, and the rules for empty masks."""

from __future__ import annotations

from dataclasses import astuple
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_unet.core.metrics import assd, dice, hd95, iou, scores, surface_distances

masks = array_shapes(min_dims=2, max_dims=3, max_side=9).flatmap(
    lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape))
)


def square(top: int, left: int, side: int = 10, shape: tuple[int, int] = (40, 40)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_a_mask_agrees_with_itself() -> None:
    one = scores(square(3, 4), square(3, 4))
    assert (one.dice, one.iou, one.hd95, one.assd, one.unit) == (1, 1, 0, 0, "px")


def test_half_overlap() -> None:
    assert dice(square(0, 0), square(0, 5)) == pytest.approx(0.5)
    assert iou(square(0, 0), square(0, 5)) == pytest.approx(1 / 3)


def test_known_shift_in_mm_of_anisotropic_pixels() -> None:
    point, other = square(5, 5, side=1), square(8, 9, side=1)
    assert hd95(point, other, (2.0, 0.5)) == pytest.approx(np.hypot(6.0, 2.0))
    assert assd(point, other, (2.0, 0.5)) == pytest.approx(np.hypot(6.0, 2.0))
    assert hd95(point, other) == 5.0
    assert scores(point, other, (2.0, 0.5)).unit == "mm"


def test_a_border_pixel_touches_the_outside_by_a_face_and_the_image_edge_is_outside() -> None:
    assert len(surface_distances(square(5, 5), square(5, 5))) == 36
    full = np.ones((6, 7), bool)
    assert len(surface_distances(full, full)) == 2 * 6 + 2 * 5


def test_hd95_is_the_larger_direction_and_leaves_outliers_out() -> None:
    mask, reference = square(5, 5, side=20), square(5, 5, side=20)
    mask[38, 38] = True  # one speck among 77 border pixels
    assert hd95(mask, reference) == 0
    tail = reference.copy()
    tail[10, 25:40] = True
    assert hd95(tail, reference) == hd95(reference, tail) > 5


def test_distances_have_a_direction() -> None:
    mask, reference = square(10, 10, side=5), square(10, 10, side=15)
    there, back = surface_distances(mask, reference), surface_distances(reference, mask)
    assert len(there) == 16 and len(back) == 56
    assert back.max() > there.max()


@pytest.mark.parametrize("spacing", [None, (0.5, 0.5)])
def test_two_empty_masks_have_no_score(spacing: tuple[float, ...] | None) -> None:
    empty = np.zeros((5, 6), bool)
    one = scores(empty, empty, spacing)
    assert all(isnan(value) for value in (one.dice, one.iou, one.hd95, one.assd))
    assert len(surface_distances(empty, empty, spacing)) == 0


@pytest.mark.parametrize("swapped", [False, True])
def test_one_empty_mask_scores_nothing_and_has_no_distance(swapped: bool) -> None:
    pair = np.zeros((40, 40), bool), square(3, 3)
    one = scores(*(pair[::-1] if swapped else pair))
    assert (one.dice, one.iou) == (0, 0)
    assert isnan(one.hd95) and isnan(one.assd)


def test_ignored_pixels_count_for_nothing() -> None:
    reference, mask = square(5, 5), square(5, 5)
    mask[20:30, 20:30] = True
    ignore = np.zeros_like(mask)
    ignore[18:32, 18:32] = True
    one = scores(mask, reference, ignore=ignore)
    assert (one.dice, one.hd95, one.assd) == (1, 0, 0)


def test_the_edge_of_the_ignored_area_is_no_border() -> None:
    reference, mask = square(5, 5, side=20), square(5, 5, side=20)
    ignore = np.zeros_like(mask)
    ignore[:, 15:] = True
    mask[:, 15:] = False
    reference[8:30, 15:] = True
    borders = surface_distances(mask, reference, ignore=ignore)
    assert len(borders) == 20 + 2 * 9  # left, top and bottom, not right
    one = scores(mask, reference, ignore=ignore)
    assert (one.dice, one.hd95, one.assd) == (1, 0, 0)


def test_a_hole_that_is_not_sure_makes_no_distance() -> None:
    truth = square(0, 0, side=40)
    ignore = square(15, 15)
    one = scores(truth, truth & ~ignore, ignore=ignore)
    assert (one.dice, one.hd95, one.assd) == (1, 0, 0)


def test_an_error_beside_the_ignored_area_is_as_large_as_it_is() -> None:
    reference = square(0, 5, side=30)
    ignore = np.zeros_like(reference)
    ignore[20:] = True
    mask = reference.copy()
    mask[18:20] = False  # two rows too short, where the reference goes on into what is ignored
    assert hd95(mask, reference, ignore=ignore) == 2
    assert hd95(mask, reference, (0.5, 0.5), ignore) == 1
    mask = reference.copy()
    mask[:20, 5:8] = False  # three columns too narrow, far from it
    assert hd95(mask, reference, ignore=ignore) == 3


def test_where_one_mask_has_no_border_left_the_other_is_measured() -> None:
    mask, reference = square(5, 5, side=20), square(5, 5, side=10)
    ignore = np.ones_like(mask)
    ignore[5:25, 5:25] = False  # all around the mask
    there, back = (
        surface_distances(mask, reference, ignore=ignore),
        surface_distances(reference, mask, ignore=ignore),
    )
    assert len(there) == 0 and len(back) == 19
    assert hd95(mask, reference, ignore=ignore) == np.percentile(back, 95)
    assert isnan(hd95(mask, mask, ignore=ignore))


@settings(max_examples=60, deadline=None)
@given(
    parts=array_shapes(min_dims=2, max_dims=3, max_side=9).flatmap(
        lambda shape: st.tuples(*(arrays(bool, shape) for _ in range(4)))
    )
)
def test_what_is_left_out_has_no_say(parts: tuple[np.ndarray, ...]) -> None:
    a, b, other, ignore = parts
    changed = np.where(ignore, other, a)
    equal = scores(a, changed, ignore=ignore)
    assert equal.hd95 in (0, pytest.approx(np.nan, nan_ok=True))
    assert equal.assd in (0, pytest.approx(np.nan, nan_ok=True))
    assert isnan(equal.dice) or equal.dice == 1
    np.testing.assert_array_equal(
        astuple(scores(a, b, ignore=ignore))[:4], astuple(scores(changed, b, ignore=ignore))[:4]
    )
    assert astuple(scores(a, b)) == pytest.approx(astuple(scores(a, b, ignore=np.zeros_like(a))), nan_ok=True)


def test_all_ignored_has_no_score() -> None:
    mask = square(5, 5)
    one = scores(mask, mask, ignore=np.ones_like(mask))
    assert isnan(one.dice) and isnan(one.hd95)


def test_shapes_must_agree() -> None:
    a = np.zeros((4, 5), bool)
    for function in (dice, iou, hd95, assd, surface_distances, scores):
        with pytest.raises(ValueError, match="differ in shape"):
            function(a, a.T)
    with pytest.raises(ValueError, match="ignored area"):
        dice(a, a, a.T)
    with pytest.raises(ValueError, match="spacing"):
        hd95(a, a, (1.0, 1.0, 1.0))


@settings(max_examples=60, deadline=None)
@given(pair=masks)
def test_laws(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    one, other = scores(a, b), scores(b, a)
    np.testing.assert_allclose(astuple(one)[:4], astuple(other)[:4])  # symmetric, nan and all
    if a.any() or b.any():
        assert 0 <= one.iou <= one.dice <= 1
        assert one.dice == pytest.approx(2 * one.iou / (1 + one.iou))
    if a.any() and b.any():
        assert one.assd >= 0 and 0 <= one.hd95 <= np.hypot.reduce([float(n) for n in a.shape])
        doubled = scores(a, b, (2.0,) * a.ndim)
        assert doubled.hd95 == pytest.approx(2 * one.hd95)
        assert doubled.assd == pytest.approx(2 * one.assd)


@settings(max_examples=30, deadline=None)
@given(pair=masks)
def test_distances_are_those_of_brute_force(pair: tuple[np.ndarray, np.ndarray]) -> None:
    def border(mask: np.ndarray) -> np.ndarray:
        padded = np.pad(mask, 1)
        inner = padded.copy()
        for axis in range(mask.ndim):
            inner &= np.roll(padded, 1, axis) & np.roll(padded, -1, axis)
        return np.argwhere((padded & ~inner)[(slice(1, -1),) * mask.ndim])

    a, b = (border(mask) for mask in pair)
    if not len(a) or not len(b):
        return
    steps = np.arange(1, a.shape[1] + 1) * 0.7
    expected = np.sqrt((((a[:, None] - b[None]) * steps) ** 2).sum(axis=2)).min(axis=1)
    np.testing.assert_allclose(surface_distances(*pair, tuple(steps)), expected)
