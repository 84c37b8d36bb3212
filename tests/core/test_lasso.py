"""Corrections inside a lasso change nothing outside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.core.labels import IGNORE, lung
from napari_unet.core.lasso import polygon_mask, restore_in, threshold_in

SHAPE = (20, 26)
LABELS = arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 1, 2, IGNORE]))
# Corners on odd fractions of a pixel: no pixel's centre lies on a side, where either answer is right.
CORNERS = st.tuples(st.integers(-40, 240), st.integers(-40, 300)).map(
    lambda at: (at[0] / 10 + 0.0371, at[1] / 10 + 0.0531)
)
POLYGONS = st.lists(CORNERS, min_size=0, max_size=9).map(lambda corners: np.array(corners).reshape(-1, 2))
WHOLE = np.array([(-1, -1), (-1, 99), (99, 99), (99, -1)])


def lies_in(row: float, column: float, polygon: np.ndarray) -> bool:
    """The even-odd rule, one side after the other."""
    inside = False
    for (r0, c0), (r1, c1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if (r0 < row) != (r1 < row) and column > c0 + (row - r0) / (r1 - r0) * (c1 - c0):
            inside = not inside
    return inside


@settings(deadline=None)
@given(POLYGONS)
def test_a_polygon_holds_the_pixels_whose_centres_lie_in_it(polygon) -> None:
    mask = polygon_mask(polygon, SHAPE)
    expected = [
        [len(polygon) > 2 and lies_in(r, c, polygon) for c in range(SHAPE[1])] for r in range(SHAPE[0])
    ]
    assert np.array_equal(mask, expected)


def test_a_box_on_whole_pixels_has_as_many_as_its_area() -> None:
    assert polygon_mask(np.array([(2, 3), (2, 9), (7, 9), (7, 3)]), SHAPE).sum() == 5 * 6


@settings(deadline=None)
@given(LABELS, POLYGONS, st.floats(0.05, 0.95), st.integers(0, 999))
def test_inside_the_lasso_the_mask_is_the_threshold_and_outside_it_stays(
    labels, polygon, threshold, seed
) -> None:
    probability = np.random.default_rng(seed).random(SHAPE)
    new = labels.copy()
    threshold_in(labels, probability, polygon, threshold).apply(new)
    inside, free = polygon_mask(polygon, SHAPE), labels != IGNORE
    assert np.array_equal(new[~inside], labels[~inside])
    assert np.array_equal(new[~free], labels[~free])
    assert np.array_equal(lung(new)[inside & free], (probability >= threshold)[inside & free])
    kept = inside & free & lung(labels) & lung(new)
    assert np.array_equal(new[kept], labels[kept])


def test_new_lung_in_the_lasso_takes_the_label_of_the_lung_beside_it() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[5:15, 2:6] = 2
    probability = np.zeros(SHAPE)
    probability[5:15, 2:12] = 1
    probability[5:15, 20:24] = 1  # stands alone
    new = labels.copy()
    threshold_in(labels, probability, np.array([(0, 5.5), (0, 25), (19, 25), (19, 5.5)]), 0.5, label=1).apply(
        new
    )
    assert (new[5:15, 2:12] == 2).all() and (new[5:15, 20:24] == 1).all()


@settings(deadline=None)
@given(LABELS, LABELS, st.one_of(st.none(), POLYGONS))
def test_the_models_mask_comes_back_inside_the_lasso_or_everywhere(labels, model, polygon) -> None:
    new = labels.copy()
    restore_in(labels, model, polygon).apply(new)
    inside = np.ones(SHAPE, bool) if polygon is None else polygon_mask(polygon, SHAPE)
    ignored = labels == IGNORE
    assert np.array_equal(new, np.where(inside & ~ignored, model, labels))


def test_a_lasso_around_everything_restores_everything() -> None:
    labels, model = np.zeros(SHAPE, np.uint8), np.full(SHAPE, 2, np.uint8)
    restore_in(labels, model, WHOLE).apply(labels)
    assert np.array_equal(labels, model)


def test_masks_of_another_shape_are_refused() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    with pytest.raises(ValueError, match="shapes differ"):
        restore_in(labels, labels[1:], None)
    with pytest.raises(ValueError, match="shapes differ"):
        threshold_in(labels, np.zeros((3, 3)), WHOLE, 0.5)
