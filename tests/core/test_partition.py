"""Scores of partitions against their definitions, pair by pair, and against scikit-image."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import adapted_rand_error, contingency_table, variation_of_information

from napari_unet.core.partition import (
    boundary_f1,
    information_score,
    objects_of,
    pixel_error,
    rand_score,
)


@st.composite
def two_partitions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    seed, regions, side = draw(st.integers(0, 10_000)), draw(st.integers(1, 4)), draw(st.integers(1, 9))
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, regions + 1, (2, side, side + 1))
    return np.where(rng.random(one.shape) < 0.5, one, other), other


def singled(partition: np.ndarray, reference: np.ndarray) -> tuple[list[object], list[int]]:
    """The regions of the pixels that count, each border pixel in one of its own."""
    at = list(zip(*np.nonzero(reference), strict=True))
    return [int(partition[p]) or ("border", p) for p in at], [int(reference[p]) for p in at]


@settings(max_examples=80, deadline=None)
@given(both=two_partitions())
def test_v_rand_is_what_happens_to_two_pixels_drawn_at_random(both: tuple[np.ndarray, np.ndarray]) -> None:
    ours, theirs = singled(*both)
    if not theirs:
        assert math.isnan(rand_score(*both))
        return
    pairs = [(a, b) for a in range(len(ours)) for b in range(len(ours))]
    one = sum(ours[a] == ours[b] for a, b in pairs)
    other = sum(theirs[a] == theirs[b] for a, b in pairs)
    together = sum(ours[a] == ours[b] and theirs[a] == theirs[b] for a, b in pairs)
    assert rand_score(*both) == pytest.approx(2 * together / (one + other))


@settings(max_examples=80, deadline=None)
@given(both=two_partitions())
def test_v_info_is_shared_information_over_what_is_held(both: tuple[np.ndarray, np.ndarray]) -> None:
    ours, theirs = singled(*both)
    if not theirs:
        assert math.isnan(information_score(*both))
        return

    def entropy(values: list[object]) -> float:
        return -sum(n / len(values) * math.log(n / len(values)) for n in Counter(values).values())

    held = (entropy(ours) + entropy(list(theirs))) / 2
    shared = entropy(ours) + entropy(list(theirs)) - entropy(list(zip(ours, theirs, strict=True)))
    assert information_score(*both) == pytest.approx(shared / held if held > 1e-12 else 1.0, abs=1e-9)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Regions of a smooth random field and of the same with noise."""
    from scipy import ndimage

    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(96, 120)), 4)
    noise = ndimage.gaussian_filter(np.random.default_rng(seed + 1).normal(size=field.shape), 3)
    return objects_of(np.abs(field + 0.15 * noise) > 0.02), objects_of(np.abs(field) > 0.02)


@pytest.mark.parametrize("seed", range(4))
def test_scikit_image_finds_the_same(seed: int) -> None:
    ours, theirs = drawn(seed)
    border = (ours == 0) & (theirs > 0)
    single = ours.copy()
    single[border] = ours.max() + 1 + np.arange(border.sum())
    counted = theirs > 0
    table = contingency_table(theirs[counted], single[counted], normalize=True)
    shares = table.data, *(np.asarray(table.sum(axis=axis)).ravel() for axis in (0, 1))
    both, one, other = (np.square(part).sum() for part in shares)
    assert rand_score(ours, theirs) == pytest.approx(2 * both / (one + other))
    error, *_ = adapted_rand_error(theirs, single, ignore_labels=(0,))  # of pairs of different pixels
    assert rand_score(ours, theirs) == pytest.approx(1 - error, abs=1e-3)
    missed, added = variation_of_information(theirs[counted], single[counted])
    entropies = [-(part[part > 0] * np.log2(part[part > 0])).sum() for part in shares[1:]]
    expected = (sum(entropies) - missed - added) / sum(entropies)  # 2 I = H(S) + H(T) - H(S|T) - H(T|S)
    assert information_score(ours, theirs) == pytest.approx(expected)
    assert 0.5 < expected < 0.999


def test_scores_know_equals_merged_and_split() -> None:
    halves = np.repeat([[1, 1, 0, 2, 2]], 4, axis=0)
    for score in (rand_score, information_score):
        assert score(halves, halves) == pytest.approx(1)
        assert score(halves * 7, halves) == pytest.approx(1)  # numbers are names only
        assert score(np.ones_like(halves), halves) < 0.7  # merged
        assert score(np.arange(20).reshape(4, 5) + 1, halves) < 0.7  # all apart
    assert rand_score(np.ones((2, 2), int), np.ones((2, 2), int)) == 1
    assert information_score(np.ones((2, 2), int), np.ones((2, 2), int)) == 1


def test_what_is_border_in_the_reference_does_not_count() -> None:
    reference = np.repeat([[1, 1, 0, 2, 2]], 4, axis=0)
    other = reference.copy()
    other[:, 2] = 9
    assert rand_score(other, reference) == rand_score(reference, reference) == 1


def test_objects_that_touch_by_a_corner_are_two() -> None:
    assert objects_of(np.eye(2, dtype=bool)).tolist() == [[1, 0], [0, 2]]


def test_pixel_error_is_the_share_that_differs() -> None:
    one = np.zeros((4, 5), bool)
    other = one.copy()
    other[0, :3] = True
    assert pixel_error(one, other) == pytest.approx(3 / 20)
    assert math.isnan(pixel_error(one[:0], other[:0]))


def test_boundary_f1_by_hand() -> None:
    reference = np.zeros((20, 20), bool)
    reference[5:15, 5:15] = True
    moved = np.roll(reference, 2, axis=1)
    assert boundary_f1(reference, reference, 0) == 1
    assert boundary_f1(moved, reference, 2) == 1
    side = 36  # border pixels of a square of 10
    near = sum(  # on the moved border: those on the reference's border too, or beside it
        1
        for y in range(5, 15)
        for x in range(7, 17)
        if (y in (5, 14) or x in (7, 16)) and _near(y, x, reference)
    )
    assert boundary_f1(moved, reference, 1) == pytest.approx(near / side)


def _near(y: int, x: int, reference: np.ndarray) -> bool:
    border = [(v, w) for v in range(5, 15) for w in range(5, 15) if v in (5, 14) or w in (5, 14)]
    return any(math.hypot(y - v, x - w) <= 1 for v, w in border)


def test_borders_of_empty_masks() -> None:
    empty, full = np.zeros((3, 3), bool), np.ones((3, 3), bool)
    assert math.isnan(boundary_f1(empty, empty))
    assert boundary_f1(full, empty) == boundary_f1(empty, full) == 0


@pytest.mark.parametrize("score", [pixel_error, boundary_f1, rand_score, information_score])
def test_shapes_that_differ_are_an_error(score: object) -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        score(np.ones((2, 2), int), np.ones((2, 3), int))
