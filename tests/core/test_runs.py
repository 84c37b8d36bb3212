"""Runs against scipy's labelling: the same parts, in the same order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.masks import MaskRule, clean, count_parts, fill_holes, hole_sizes, without_small_parts
from napari_unet.core.runs import runs_of

masks = st.builds(
    lambda shape, share, seed: np.random.default_rng(seed).random(shape) < share,
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from([0.0, 0.05, 0.4, 0.6, 0.8, 1.0]),
    st.integers(0, 999),
)


@settings(deadline=None, max_examples=200)
@given(masks)
def test_the_parts_are_scipy_s(mask: np.ndarray) -> None:
    runs = runs_of(mask)
    labels, count = ndimage.label(mask)
    np.testing.assert_array_equal(runs.sizes, np.bincount(labels.ravel(), minlength=count + 1)[1:])
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    np.testing.assert_array_equal(np.flatnonzero(runs.reaches_the_edge()) + 1, np.unique(edge[edge > 0]))
    for part in range(min(count, 3)):
        only = runs.written(np.zeros(mask.shape, bool), np.arange(count) == part, True)
        np.testing.assert_array_equal(only, labels == part + 1)
    assert count_parts(mask) == count


@settings(deadline=None, max_examples=100)
@given(masks, st.integers(0, 3), st.sampled_from([0.0, 0.1, 1.0]))
def test_a_flat_mask_is_cleaned_as_a_volume_of_one_slice(mask: np.ndarray, parts: int, share: float) -> None:
    """Volumes are labelled by scipy; a slice before and behind lets no hole of theirs reach the edge."""
    rule = MaskRule(largest_parts=parts, min_part_share=share, fill_holes=False)
    volume = clean(mask[None], MaskRule(parts, share, fill_holes=False, per_slice=False))
    np.testing.assert_array_equal(clean(mask, rule), volume[0])
    small, sizes = without_small_parts(mask, share)
    deep, of_volume = without_small_parts(np.stack([mask, mask]), share)
    np.testing.assert_array_equal(small, deep[0])
    np.testing.assert_array_equal(2 * sizes, of_volume)


@settings(deadline=None, max_examples=100)
@given(masks)
def test_holes_are_scipy_s(mask: np.ndarray) -> None:
    filled = fill_holes(mask)
    np.testing.assert_array_equal(filled, ndimage.binary_fill_holes(mask))
    assert hole_sizes(mask).sum() == np.count_nonzero(filled & ~mask)


@pytest.mark.parametrize("view", [lambda m: m[::-1], lambda m: m.T, lambda m: m[::2, 1::2]])
def test_views_are_taken_and_left_alone(view) -> None:
    mask = np.random.default_rng(0).random((30, 40)) < 0.6
    before = mask.copy()
    np.testing.assert_array_equal(fill_holes(view(mask)), ndimage.binary_fill_holes(view(mask)))
    np.testing.assert_array_equal(mask, before)
