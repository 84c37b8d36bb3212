"""Edits of a painted mask: what changes when the threshold moves, and where."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class _Automatic:
    threshold: float
    bits: np.ndarray  # the mask at one bit a pixel


class ThresholdTrail:
    """The last few automatic masks of one image, each with its threshold, at one bit a pixel.

    It says at which of them a mask is that has been painted on, or taken back by undo.
    """

    def __init__(self, length: int = 8) -> None:
        self._masks: deque[_Automatic] = deque(maxlen=length)

    def add(self, threshold: float, mask: np.ndarray) -> None:
        """`mask` (bool) is what the model says at `threshold`. All masks have one shape."""
        self._masks.append(_Automatic(threshold, np.packbits(mask.ravel())))

    def nearest(self, painted: np.ndarray) -> tuple[float, np.ndarray]:
        """(threshold, bool mask) that differ from `painted` (bool) in the fewest pixels; the last of equals.

        Raises ValueError if there is none yet.
        """
        masks = list(self._masks)  # another thread may add one meanwhile
        if not masks:
            raise ValueError("no automatic mask has been added")
        bits = np.packbits(painted.ravel())
        away = [np.count_nonzero(np.unpackbits(bits ^ one.bits)) for one in masks]
        best = masks[len(away) - 1 - int(np.argmin(away[::-1]))]
        return best.threshold, np.unpackbits(best.bits, count=painted.size).reshape(painted.shape).view(bool)


def follow_threshold(painted: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """What a painted mask becomes when the automatic mask turns from `before` into `after`.

    All bool of one shape. Only pixels in which `before` and `after` differ change: what was painted
    elsewhere by hand stays.
    """
    return np.where(before != after, after, painted)


def with_foreground(labels: np.ndarray, drawn: np.ndarray, own: Sequence[int]) -> np.ndarray:
    """`labels` with background and the values `own` replaced by `drawn`; others, painted by hand, stay.

    Same dtype.
    """
    return np.where(np.isin(labels, (0, *own)), drawn.astype(labels.dtype), labels)


def changes(old: np.ndarray, new: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """(indices per axis, new values) of the pixels in which `new` differs from `old`; same shape."""
    where = np.nonzero(old != new)
    return where, new[where]
