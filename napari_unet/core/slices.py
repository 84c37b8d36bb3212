"""Edits across the slices of a stack: copying one to the next, filling in what lies between."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import ndimage

from napari_unet.core.change import Change
from napari_unet.core.labels import IGNORE, lung
from napari_unet.core.lung_labels import in_stack
from napari_unet.core.masks import bounding_box


def copy_slice(labels: np.ndarray, source: int, target: int) -> Change:
    """Puts the lungs of slice `source` into slice `target`; pixels to be ignored stay in both.

    labels : uint8 (Z, Y, X). Raises ValueError if a slice does not exist.
    """
    _check(labels, (source, target))
    old = labels[target]
    new = np.where((old == IGNORE) | (labels[source] == IGNORE), old, labels[source])
    return in_stack(Change.between(old, new), target, len(labels))


def interpolate_slices(
    labels: np.ndarray, edited: Sequence[int], spacing: tuple[float, ...] | None
) -> Change:
    """Fills the slices between each two neighbours of `edited` with what lies between their lungs.

    labels : uint8 (Z, Y, X). edited : numbers of the slices that are right, in any order; they do not change.
    spacing : as in Raster, or None. Distances to the border go over from one slice to the next in equal
    steps, label by label; a lung that only one of the two has tapers off towards the other. Pixels to be
    ignored stay. Raises ValueError if a slice does not exist.
    """
    _check(labels, edited)
    known = sorted(set(edited))
    changes = []
    for first, last in pairwise(known):
        if last - first > 1:
            changes += _between(labels, first, last, (1.0, 1.0) if spacing is None else spacing[1:])
    flat = [change.flat for change in changes] or [np.empty(0, np.int64)]
    values = [change.values for change in changes] or [np.empty(0, np.uint8)]
    return Change(labels.shape, np.concatenate(flat), np.concatenate(values))


def _between(labels: np.ndarray, first: int, last: int, spacing: tuple[float, ...]) -> list[Change]:
    ends = (labels[first], labels[last])
    box = bounding_box(lung(ends[0]) | lung(ends[1]))
    present = [] if box is None else [int(v) for v in np.unique(ends) if v not in (0, IGNORE)]
    ways = [(label, *_depths(ends, label, box, spacing)) for label in present]
    changes = []
    for z in range(first + 1, last):
        share = (z - first) / (last - first)
        new = np.where(labels[z] == IGNORE, IGNORE, 0).astype(labels.dtype)
        deepest = np.zeros(new[box].shape if box else (), np.float32)
        for label, before, after in ways:
            depth = (1 - share) * before + share * after
            inside = (depth >= deepest) & (new[box] != IGNORE)
            new[box][inside] = label
            deepest = np.maximum(deepest, depth)
        changes.append(in_stack(Change.between(labels[z], new), z, len(labels)))
    return changes


def _depths(
    ends: tuple[np.ndarray, np.ndarray], label: int, box: tuple[slice, ...] | None, spacing: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Depth inside the label's border in both slices, negative outside; it tapers towards one without it."""
    masks = [np.pad(end[box] == label, 1) for end in ends]
    depths = [_depth(mask, spacing) if mask.any() else None for mask in masks]
    before, after = depths
    if before is None:
        assert after is not None
        before = after - after.max()
    if after is None:
        after = before - before.max()
    inner = (slice(1, -1), slice(1, -1))
    return before[inner], after[inner]


def _depth(mask: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    half = min(spacing) / 2  # the border runs between pixels
    inside = ndimage.distance_transform_edt(mask, sampling=spacing) - half
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing) - half
    return np.asarray(np.where(mask, inside, -outside), np.float32)


def _check(labels: np.ndarray, slices: Sequence[int]) -> None:
    if labels.ndim != 3:
        raise ValueError(f"a stack is (Z, Y, X), got shape {labels.shape}")
    for index in slices:
        if not 0 <= index < len(labels):
            raise ValueError(f"there is no slice {index} among {len(labels)}")
