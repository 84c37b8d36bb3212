"""What the journal knows of one mask: every stroke that was handed to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_unet.core.change import Change
from napari_unet.core.errors import UserError
from napari_unet.core.labels import IGNORE, as_bytes
from napari_unet.review.types import Author
from napari_unet.widgets.casework.stroke_atoms import change_of

_ROWS = 1 << 24  # pixels that are compared at once


class Tape:
    """What the journal knows of one mask. Used on the clerk's thread only.

    It holds a copy of the mask with every stroke that was handed to the journal.
    """

    def __init__(self, saver: Any, case: str, labels: np.ndarray) -> None:
        """labels : uint8; the tape takes it over."""
        self._saver = saver
        self._case = case
        self._labels = labels
        self._unsaved = False

    def play(self, item: list[Any], undoing: bool) -> None:
        """One step of the layer's history was done, or taken back."""
        self._record(change_of(item, self._labels.shape, undoing))

    def compare(self, data: np.ndarray, refused: Callable[[UserError], None]) -> None:
        """Record whatever in `data`, the layer's own array, is not on the tape yet.

        Labels that no mask can hold are not: there the tape stays as it is, and `refused` hears of it.
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
        """Whether `data`, the layer's own array, is not what is on the tape."""
        return data.shape == self._labels.shape and not np.array_equal(data, self._labels)

    def copy(self) -> np.ndarray:
        """The mask as it is on the tape, uint8."""
        return self._labels.copy()

    def save(self, author: Author, note: str) -> None:
        """Make a revision of what was recorded since the last one."""
        if self._unsaved:
            self._saver.save(self._case, self._labels.copy(), author, note)
            self._unsaved = False

    def open(self, base: str | None) -> None:
        """Begin a journal with the mask as it is on the tape. base : the revision it came from."""
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
