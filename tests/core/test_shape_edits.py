"""Growing, shrinking, smoothing, holes and parts, against distances measured one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.core.change import Change
from napari_unet.core.labels import IGNORE, lung
from napari_unet.core.masks import fill_holes, part_sizes
from napari_unet.core.shape_edits import fill_holes_change, grow, keep_largest, smooth_border

SHAPE = (9, 12)
LABELS = arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 0, 0, 1, 2, IGNORE]))
SPACING = st.one_of(st.none(), st.tuples(st.sampled_from([0.5, 1.0, 2.0]), st.sampled_from([0.5, 1.0, 3.0])))


def after(labels: np.ndarray, change: Change) -> np.ndarray:
    new = labels.copy()
    change.apply(new)
    return new


def distance_to(mask: np.ndarray, spacing: tuple[float, ...] | None) -> np.ndarray:
    steps = np.array(spacing or (1.0, 1.0))
    every = np.argwhere(np.ones(mask.shape, bool)) * steps
    points = np.argwhere(mask) * steps
    if not len(points):
        return np.full(mask.shape, np.inf)
    return np.linalg.norm(every[:, None] - points[None], axis=2).min(axis=1).reshape(mask.shape)


@settings(deadline=None)
@given(LABELS, st.floats(0, 5), SPACING)
def test_growing_takes_in_what_is_near_enough(labels, mm, spacing) -> None:
    new = after(labels, grow(labels, mm, spacing))
    near = (distance_to(lung(labels), spacing) <= mm) & (labels != IGNORE)
    assert np.array_equal(lung(new), near | lung(labels))
    assert np.array_equal(new[lung(labels)], labels[lung(labels)])
    assert np.array_equal(new == IGNORE, labels == IGNORE)


@settings(deadline=None)
@given(LABELS, st.floats(0.01, 5), SPACING)
def test_shrinking_leaves_what_is_deep_enough(labels, mm, spacing) -> None:
    new = after(labels, grow(labels, -mm, spacing))
    deep = distance_to(labels == 0, spacing) > mm
    assert np.array_equal(new, np.where(lung(labels) & ~deep, 0, labels))


@settings(deadline=None)
@given(LABELS, st.floats(0, 4))
def test_a_grown_pixel_has_the_label_of_a_nearest_lung(labels, mm) -> None:
    new = after(labels, grow(labels, mm, None))
    away = {label: distance_to(labels == label, None) for label in (1, 2)}
    for label in (1, 2):
        came = (new == label) & (labels == 0)
        assert (away[label][came] <= away[3 - label][came]).all()


def test_a_square_grows_by_millimetres_not_by_pixels() -> None:
    labels = np.zeros((30, 30), np.uint8)
    labels[10:20, 10:20] = 1
    new = after(labels, grow(labels, 2.0, (1.0, 0.5)))
    rows, columns = np.nonzero(new)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (8, 21, 6, 23)
    small = after(labels, grow(labels, -2.0, (1.0, 0.5)))
    rows, columns = np.nonzero(small)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (12, 17, 14, 15)


def test_a_lung_cut_off_by_the_image_does_not_shrink_away_from_its_edge() -> None:
    labels = np.zeros((20, 20), np.uint8)
    labels[:, :10] = 1
    assert np.array_equal(after(labels, grow(labels, -3, None)) > 0, np.arange(20) < 7 + np.zeros((20, 1)))


@given(LABELS)
def test_holes_are_filled_and_nothing_else(labels) -> None:
    new = after(labels, fill_holes_change(labels))
    assert np.array_equal(lung(new), fill_holes(lung(labels)) & (labels != IGNORE))
    assert np.array_equal(new[labels > 0], labels[labels > 0])


@given(LABELS, st.integers(1, 4))
def test_the_largest_parts_of_each_label_stay(labels, parts) -> None:
    new = after(labels, keep_largest(labels, parts))
    gone = new != labels
    assert (new[gone] == 0).all() and lung(labels)[gone].all()
    present = [label for label in (1, 2) if (labels == label).any()]
    for label in present:
        sizes = np.sort(part_sizes(labels == label)[1][1:])[::-1]
        kept = np.sort(part_sizes(new == label)[1][1:])[::-1]
        assert kept.tolist() == sizes[: max(1, parts // len(present))].tolist()


def test_at_least_one_part_is_kept() -> None:
    with pytest.raises(ValueError, match="at least one"):
        keep_largest(np.ones((3, 3), np.uint8), 0)


def test_smoothing_takes_spikes_off_and_keeps_the_rest() -> None:
    labels = np.zeros((60, 60), np.uint8)
    labels[15:45, 15:45] = 2
    labels[10:15, 30] = 2  # a spike
    labels[20, 15:18] = 0  # a nick
    new = after(labels, smooth_border(labels, 1.0, (0.5, 0.5)))
    assert not new[10:13, 30].any() and (new[20, 16:18] == 2).all()
    assert (new[22:38, 22:38] == 2).all()
    assert abs(np.count_nonzero(new) - 900) < 40


@pytest.mark.parametrize("tool", [lambda m: grow(m, 3, None), lambda m: grow(m, -3, None), fill_holes_change,
                                  keep_largest, lambda m: smooth_border(m, 2, None)])  # fmt: skip
def test_without_lung_and_with_nothing_else_nothing_changes(tool) -> None:
    assert not len(tool(np.zeros(SHAPE, np.uint8)))
    assert not len(tool(np.full(SHAPE, IGNORE)))
    assert not len(tool(np.ones(SHAPE, np.uint8)))


def test_stacks_are_edited_as_volumes() -> None:
    labels = np.zeros((7, 9, 9), np.uint8)
    labels[3, 4, 4] = 1
    new = after(labels, grow(labels, 2.0, (2.0, 1.0, 1.0)))
    assert new[:, 4, 4].tolist() == [0, 0, 1, 1, 1, 0, 0] and np.count_nonzero(new[3]) == 13


def test_spacing_must_fit() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        grow(np.ones((3, 3), np.uint8), 1, (1.0, 1.0, 1.0))
