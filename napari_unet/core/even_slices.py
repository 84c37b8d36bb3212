"""Slices at uneven heights as an even stack: which are copied, computed from two, or missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

EVEN_MM, EVEN = 0.05, 0.02
"""Slices are evenly spaced if none is farther from its place than this: in mm, or as a share of the spacing.

Headers round places to hundredths of a millimetre, some to tenths.
"""
_WHOLE = 0.05  # how far a gap may be from a whole number of spacings
_WIDE = 1.5  # times the usual distance: nothing is computed between slices that are farther apart
_MOST = 3  # an even stack has at most so many times as many slices


class Level(NamedTuple):
    """One slice of an even stack: `share` of the slice `above` and the rest of `below`; a copy if it is 0."""

    below: int
    above: int
    share: float


@dataclass(frozen=True)
class EvenStack:
    """levels : of each slice of the stack, None where there is no slice near enough. step_mm : between them.

    nearest, farthest : smallest and largest distance of neighbouring slices, in mm.
    """

    step_mm: float
    levels: tuple[Level | None, ...]
    nearest: float
    farthest: float

    @property
    def missing(self) -> int:
        """How many slices of the stack are empty."""
        return sum(level is None for level in self.levels)

    @property
    def computed(self) -> int:
        """How many slices of the stack lie between two that were stored."""
        return sum(level is not None and level.share > 0 for level in self.levels)

    def source_of(self, z: int) -> int | None:
        """The slice that `z` is a copy of; None if it is a copy of none."""
        level = self.levels[z]
        return None if level is None or level.share else level.below


def even_stack(heights: Sequence[float]) -> EvenStack | None:
    """An even stack from the first to the last of some slices.

    Between two slices values are linear; where two are more than `_WIDE` times the usual distance apart, what
    lies between them is missing. A slice that is in its place to within `EVEN_MM` is copied.

    Parameters
    ----------
    heights : sequence of float
        Places of the slices along their normal in mm, rising; two at least.

    Returns
    -------
    EvenStack or None
        None where more than half would be missing, or hardly any slice would be a stored one.
    """
    places = np.asarray(heights, float)
    gaps = np.diff(places)
    step = _step(gaps)
    count = round(float(places[-1] - places[0]) / step) + 1
    if count > _MOST * len(places):
        return None
    wide = _WIDE * float(np.quantile(gaps, 0.75, method="lower"))
    near = max(EVEN_MM, EVEN * step)
    wanted = np.linspace(places[0], places[-1], count)
    levels = tuple(_level(places, at, wide, near) for at in map(float, wanted))
    found = EvenStack(
        float(places[-1] - places[0]) / (count - 1), levels, float(gaps.min()), float(gaps.max())
    )
    return found if 2 * found.missing <= count else None


def _step(gaps: np.ndarray) -> float:
    """The usual distance if all are whole numbers of it, else one that a quarter of them do not exceed."""
    usual = float(np.median(gaps))
    whole = np.rint(gaps / usual)
    if (np.abs(gaps / usual - whole) <= _WHOLE * np.maximum(whole, 1)).all() and (whole >= 1).all():
        return float(gaps.sum() / whole.sum())
    small = float(np.quantile(gaps, 0.25, method="lower"))
    return float(gaps.sum()) / max(1, round(float(gaps.sum()) / small))


def _level(places: np.ndarray, at: float, wide: float, near: float) -> Level | None:
    nearest = int(np.argmin(np.abs(places - at)))
    if abs(places[nearest] - at) <= near:
        return Level(nearest, nearest, 0.0)
    below = int(np.searchsorted(places, at, side="right")) - 1
    distance = float(places[below + 1] - places[below])
    if distance > wide:
        return None
    return Level(below, below + 1, (at - float(places[below])) / distance)
