"""What the journal knows of one mask, and how a step of napari's undo history is read as a Change of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.change import Change
from napari_unet.core.errors import UserError
from napari_unet.core.labels import IGNORE, as_bytes, values_in
from napari_unet.review.types import Author

if TYPE_CHECKING:
    from napari_unet.review.saving.saver import Saver

_ROWS = 1 << 24  # pixels that are compared at once


class StrokeLog:
    """What the journal knows of one mask. Used on the worker thread only.

    It holds a copy of the mask with every stroke that was handed to the journal.
    """

    def __init__(self, saver: Saver, case: str, labels: np.ndarray, pixels: np.ndarray | None = None) -> None:
        """labels : uint8; the log takes it over. pixels : of a CT in HU, for the checks of what is saved."""
        self._saver = saver
        self._case = case
        self._labels = labels
        self._pixels = pixels
        self._unsaved = False

    def play(self, item: list[Any], undoing: bool) -> None:
        """One step of the layer's history was done, or taken back."""
        self._record(change_of(item, self._labels.shape, undoing))

    def compare(self, data: np.ndarray, refused: Callable[[UserError], None]) -> None:
        """Record whatever in `data`, the layer's own array, is not in the log yet.

        Labels that no mask can hold are not: there the log stays as it is, and `refused` is called.
        """
        error = None
        if data.shape != self._labels.shape:
            return
        step = max(1, _ROWS // max(1, data[:1].size))
        for start in range(0, len(data), step):
            part = self._labels[start : start + step]
            there = data[start : start + step]
            try:
                there = as_bytes(there)
            except UserError as wrong:
                error = wrong
                there = np.where((there < 0) | (there > IGNORE), part, there)
            between = Change.between(part, there)
            if len(between):
                offset = start * (part.size // len(part))
                self._record(Change(data.shape, between.flat + offset, between.values))
        if error is not None:
            refused(error)

    def differs(self, data: np.ndarray) -> bool:
        """Whether `data`, the layer's own array, is not what is in the log."""
        return data.shape == self._labels.shape and not np.array_equal(data, self._labels)

    def copy(self) -> np.ndarray:
        """The mask as it is in the log, uint8."""
        return self._labels.copy()

    def save(self, author: Author, note: str) -> None:
        """Make a revision of what was recorded since the last one."""
        if self._unsaved:
            self._saver.save(self._case, self._labels.copy(), author, note, self._pixels)
            self._unsaved = False

    def open(self, base: str | None) -> None:
        """Begin a journal with the mask as it is in the log. base : the revision it came from."""
        self._saver.open_case(self._case, base, self._labels.copy())

    def close(self) -> None:
        """The journal is needed no more once everything is saved."""
        self._saver.close_case(self._case)

    def _record(self, change: Change) -> None:
        new = self._labels.reshape(-1)[change.flat] != change.values
        if not new.any():
            return
        if not new.all():
            change = Change(change.shape, change.flat[new], change.values[new])
        change.apply(self._labels)
        self._unsaved = True
        self._saver.stroke(self._case, change)


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
