"""What napari keeps for undo, read as a Change: the cheap way to know what a stroke did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_unet.core.change import Change
from napari_unet.core.labels import as_bytes, values_in

_MANY = 1 << 18  # numbers of several bytes of which only the least and the greatest are looked at


def change_of(item: Sequence[Any], shape: tuple[int, ...], undoing: bool = False) -> Change:
    """The pixels that one step of a Labels layer's history changes, with their labels after it.

    item : what the layer's `paint` event hands over. An atom is (slices, mask or None, old values, new value)
    from the brush, or (indices, old values, new values) from `data_setitem`. undoing : it is taken back.
    Raises UserError for a label that no mask can hold. Needs nothing but the item, so that it may run in any
    thread while the brush goes on.
    """
    found = [_pixels(atom, shape, undoing) for atom in (reversed(item) if undoing else item)]
    if not found:
        return Change(shape, np.empty(0, np.int64), np.empty(0, np.uint8))
    flat = np.concatenate([one for one, _ in found])
    values = np.concatenate([labels for _, labels in found])
    flat, last = np.unique(flat[::-1], return_index=True)  # of several labels for one pixel the last stays
    return Change(shape, flat, values[::-1][last])


def new_labels(item: Sequence[Any]) -> tuple[int, ...]:
    """The labels that a step of the history painted. Takes milliseconds also where it painted everywhere."""
    found: set[int] = set()
    for atom in item:
        new = atom[-1]
        if np.ndim(new) == 0:  # of the brush, for each place where it was
            found.add(int(new))
            continue
        low, high = (int(new.min()), int(new.max())) if new.size else (0, 0)
        found |= {low, high} if new.size > _MANY and new.dtype != np.uint8 else set(values_in(new))
    return tuple(sorted(found))


def _pixels(atom: Any, shape: tuple[int, ...], undoing: bool) -> tuple[np.ndarray, np.ndarray]:
    """(flat indices, labels) of one atom."""
    if len(atom) == 4:
        where, mask, old, new = atom
        starts = [part.start for part in where]
        if mask is None:
            mask = np.ones([part.stop - part.start for part in where], bool)
        indices = tuple(axis + start for axis, start in zip(np.nonzero(mask), starts, strict=True))
    else:
        indices, old, new = atom
        indices = tuple(np.asarray(axis).ravel() for axis in indices)
    flat = np.ravel_multi_index(indices, shape).astype(np.int64)
    labels = as_bytes(np.asarray(old if undoing else new).ravel())
    return flat, np.broadcast_to(labels, flat.shape)
