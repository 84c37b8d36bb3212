"""Lung along the edge of a CT's field of view: there the scan cuts it, and it is larger than what is seen."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

EDGE_MM = 20.0
"""Of lung along the edge in one slice: more than a mask that is a little too large."""
_FILL_HU = -900  # or less is what fills the corners around a round field, with or without a value for padding
_CORNERS = 2  # that have it; the field may be shifted to one side


def cut_mm(
    inside: np.ndarray,
    hounsfield: np.ndarray | None,
    spacing_mm: tuple[float, ...],
    padded: np.ndarray | None = None,
) -> float:
    """Length in mm over which lung lies at the edge of a slice, or beside what fills up its round field.

    Parameters
    ----------
    inside : ndarray of bool, shape (Y, X)
        The lung.
    hounsfield : ndarray, shape (Y, X), optional
        The slice; None for other images than CT, whose edge is that of the array.
    spacing_mm : tuple of float
        (Y, X).
    padded : ndarray of bool, shape (Y, X), optional
        What the header says is padding.
    """
    outside = np.ones([n + 2 for n in inside.shape], bool)
    outside[1:-1, 1:-1] = False if hounsfield is None else _filled(inside, hounsfield)
    if padded is not None:
        outside[1:-1, 1:-1] |= padded
    beside = outside[1:-1, :-2] | outside[1:-1, 2:]
    above = outside[:-2, 1:-1] | outside[2:, 1:-1]
    down, across = (np.count_nonzero(inside & edge) for edge in (beside, above))
    return float(down * spacing_mm[0] + across * spacing_mm[1])


def _filled(inside: np.ndarray, hounsfield: np.ndarray) -> np.ndarray | bool:
    """What has exactly the value of the corners, and joins one of them; False if no lung is beside such.

    A header need not name the value. Where it is that of air, air before the chest counts too: no lung lies
    beside it.
    """
    corners = hounsfield[[0, 0, -1, -1], [0, -1, 0, -1]]
    values, counts = np.unique(corners[corners <= _FILL_HU], return_counts=True)
    if not len(values) or counts.max() < _CORNERS:
        return False
    same = (hounsfield == values[counts.argmax()]) & ~inside
    if not (ndimage.binary_dilation(inside) & same).any():
        return False
    parts, _ = ndimage.label(same)
    joined = np.unique(parts[[0, 0, -1, -1], [0, -1, 0, -1]])
    return np.asarray(np.isin(parts, joined[joined > 0]))
