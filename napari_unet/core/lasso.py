"""Corrections inside a lasso: the mask at another threshold, or the model's mask again."""

from __future__ import annotations

import numpy as np

from napari_unet.core.change import Change
from napari_unet.core.labels import lung
from napari_unet.core.lung_labels import change_in, grown_box, with_lung
from napari_unet.core.masks import threshold_mask


def polygon_mask(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """bool (Y, X), True where a pixel's centre lies inside `polygon` (even-odd rule).

    polygon : (N, 2) positions (row, column) of its corners in pixels; the last is joined to the first. Parts
    outside the image are cut off. Fewer than three corners hold nothing.
    """
    inside = np.zeros(shape, bool)
    corners = np.asarray(polygon, float).reshape(-1, 2)
    if len(corners) < 3:
        return inside
    start, end = corners, np.roll(corners, -1, axis=0)
    top, bottom = np.minimum(start[:, 0], end[:, 0]), np.maximum(start[:, 0], end[:, 0])
    first = np.clip(np.ceil(top), 0, shape[0]).astype(int)
    stop = np.clip(np.ceil(bottom), 0, shape[0]).astype(int)
    spans = np.maximum(stop - first, 0)  # rows that each side crosses: its upper end counts, its lower not
    side = np.repeat(np.arange(len(corners)), spans)
    rows = np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans, spans) + first[side]
    down = end[side] - start[side]
    columns = start[side, 1] + (rows - start[side, 0]) / down[:, 0] * down[:, 1]
    entered = np.clip(np.ceil(columns), 0, shape[1]).astype(int)
    crossings = np.bincount(rows * (shape[1] + 1) + entered, minlength=shape[0] * (shape[1] + 1))
    crossings = crossings.reshape(shape[0], shape[1] + 1)[:, :-1]
    np.bitwise_and(np.cumsum(crossings, axis=1), 1, out=inside, casting="unsafe")
    return inside


def threshold_in(
    labels: np.ndarray, probability: np.ndarray, polygon: np.ndarray, threshold: float, label: int = 1
) -> Change:
    """Inside `polygon` the mask becomes what reaches `threshold`; pixels to be ignored stay.

    labels, probability : (Y, X); polygon : as in `polygon_mask`. New pixels take the label of the lung that
    they are joined to; a part that stands alone takes `label`.
    """
    _check(labels, probability)
    box = _box(polygon, labels.shape)
    old = labels[box]
    inside = _inside(polygon, box)
    target = np.where(inside, threshold_mask(probability[box], threshold), lung(old))
    return change_in(labels, box, with_lung(old, target, label))


def restore_in(labels: np.ndarray, model_labels: np.ndarray, polygon: np.ndarray | None) -> Change:
    """Inside `polygon` (None: everywhere) the mask is the model's again; pixels to be ignored stay.

    labels, model_labels : uint8 (Y, X); without a polygon any shape.
    """
    _check(labels, model_labels)
    if polygon is None:
        return change_in(labels, tuple(slice(0, size) for size in labels.shape), model_labels)
    box = _box(polygon, labels.shape)
    return change_in(labels, box, np.where(_inside(polygon, box), model_labels[box], labels[box]))


def _box(polygon: np.ndarray, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """What the polygon takes up, with a rim, so that a new pixel sees the lung it is joined to."""
    corners = np.asarray(polygon, float).reshape(-1, 2)
    if not len(corners):
        return (slice(0, 0), slice(0, 0))
    low, high = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int) + 1
    ends = np.clip([low, high], 0, shape)
    around = tuple(slice(int(first), int(stop)) for first, stop in ends.T)
    return grown_box(around, (2, 2), shape) if all(p.stop > p.start for p in around) else (slice(0, 0),) * 2


def _inside(polygon: np.ndarray, box: tuple[slice, ...]) -> np.ndarray:
    corner = np.array([part.start for part in box])
    shape = (box[0].stop - box[0].start, box[1].stop - box[1].start)
    return polygon_mask(np.asarray(polygon, float).reshape(-1, 2) - corner, shape)


def _check(labels: np.ndarray, other: np.ndarray) -> None:
    if labels.shape != other.shape:
        raise ValueError(f"shapes differ: {labels.shape} and {other.shape}")
