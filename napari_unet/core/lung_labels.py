"""Which label a new pixel of a painted mask gets, and edits of one label among several."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from napari_unet.core.change import Change
from napari_unet.core.labels import IGNORE, RIGHT, as_bytes, lung


def no_change(labels: np.ndarray) -> Change:
    """The change of `labels` that changes nothing."""
    return Change(labels.shape, np.empty(0, np.int64), np.empty(0, np.uint8))


def in_stack(change: Change, index: int, slices: int) -> Change:
    """A change of one slice as a change of the whole stack (Z, Y, X), in which it is slice `index`."""
    if not 0 <= index < slices:
        raise ValueError(f"there is no slice {index} among {slices}")
    pixels = change.shape[0] * change.shape[1]
    return Change((slices, *change.shape), change.flat + index * pixels, change.values)


def change_in(
    labels: np.ndarray, box: tuple[slice, ...], new: np.ndarray, keep_ignored: bool = True
) -> Change:
    """What turns `labels[box]` into `new`; pixels to be ignored stay as they are."""
    old = labels[box]
    different = old != new
    if keep_ignored:
        different &= old != IGNORE
    where = np.nonzero(different)
    outer = tuple(axis + part.start for axis, part in zip(where, box, strict=True))
    flat = np.ravel_multi_index(outer, labels.shape).astype(np.int64)
    return Change(labels.shape, flat, as_bytes(new[where]))


def with_lung(labels: np.ndarray, target: np.ndarray, label: int = RIGHT) -> np.ndarray:
    """`labels` with exactly `target` (bool, same shape) as lung; pixels to be ignored stay. Same dtype.

    A new pixel takes the label of the nearest lung pixel that it is joined to; a part that stands alone
    takes `label`.
    """
    free = labels != IGNORE
    before, after = lung(labels), target & free
    new = np.where(before & ~after, 0, labels).astype(labels.dtype)
    added = after & ~before
    if not added.any():
        return new
    kept = before & after
    parts, count = ndimage.label(after)
    of_part = np.full(count + 1, label, labels.dtype)  # the label of the lung in each part
    has_one, several = np.zeros(count + 1, bool), np.zeros(count + 1, bool)
    for found in np.unique(labels[kept]):
        there = np.unique(parts[kept & (labels == found)])
        several[there] |= has_one[there]
        has_one[there] = True
        of_part[there] = found
    new[added] = of_part[parts[added]]
    between = added & several[parts]
    if between.any():
        near = ndimage.distance_transform_edt(~kept, return_distances=False, return_indices=True)
        new[between] = labels[tuple(axis[between] for axis in near)]
    return new


def of_one_label(labels: np.ndarray, value: int, edit: Callable[[np.ndarray], Change]) -> Change:
    """What `edit` does to the pixels with label `value` alone; it sees them as RIGHT, others as background.

    A pixel of another label that it takes in becomes `value`, all others stay. Pixels to be ignored are shown
    to it as they are.
    """
    alone = np.where(labels == value, RIGHT, np.where(labels == IGNORE, IGNORE, 0)).astype(np.uint8)
    change = edit(alone)
    values = np.where(change.values == RIGHT, np.uint8(value), change.values)
    return Change(change.shape, change.flat, values)


def grown_box(box: tuple[slice, ...], reach: tuple[int, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """`box` with `reach` pixels more on every side, inside `shape`."""
    return tuple(
        slice(max(0, part.start - more), min(size, part.stop + more))
        for part, more, size in zip(box, reach, shape, strict=True)
    )
