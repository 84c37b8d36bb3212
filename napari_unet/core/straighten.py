"""A stack whose slices are shifted against each other, as a gantry tilt leaves it, on one upright grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_WHOLE = 1e-4  # of a pixel: no interpolation for less


@dataclass(frozen=True)
class UprightGrid:
    """The rows and columns on which all slices of a stack have room.

    first : (row, column) of its first pixel, counted in whole pixels from that of the first slice. shape :
    (rows, columns). shifts : (N, 2), where the first pixel of each slice lies on it; whole or not.
    """

    first: tuple[int, int]
    shape: tuple[int, int]
    shifts: np.ndarray


def upright_grid(offsets: np.ndarray, shape: tuple[int, int]) -> UprightGrid:
    """The grid for slices of one `shape` (rows, columns).

    Parameters
    ----------
    offsets : ndarray of shape (N, 2)
        Where the first pixel of each slice lies, in pixels from that of the first slice: (row, column).
    shape : tuple of int
    """
    low = np.floor(offsets.min(axis=0) + _WHOLE).astype(int)
    high = np.ceil(offsets.max(axis=0) - _WHOLE).astype(int)
    rows, columns = (int(n) for n in np.array(shape) + high - low)
    return UprightGrid((int(low[0]), int(low[1])), (rows, columns), offsets - low)


def placed(
    values: np.ndarray, padded: np.ndarray | None, shift: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """One slice on an upright grid, linear between its pixels, and which pixels hold nothing of it.

    values : (Y, X); whole numbers stay whole. padded : bool, are not mixed with the rest. What is outside of
    the slice holds 0.
    """
    start, part = np.divmod(np.asarray(shift, float) + _WHOLE, 1)
    part = np.maximum(part - _WHOLE, 0)
    canvas = np.full(shape, np.nan, np.float64 if values.dtype.itemsize > 4 else np.float32)
    inside = tuple(slice(int(a), int(a) + n) for a, n in zip(start, values.shape, strict=True))
    canvas[inside] = values if padded is None else np.where(padded, np.nan, values)
    for axis in (0, 1):
        canvas = _moved(canvas, float(part[axis]), axis)
    outside = np.isnan(canvas)
    found = np.where(outside, 0, canvas)
    return (np.rint(found) if values.dtype.kind in "ui" else found).astype(values.dtype), outside


def between(below: np.ndarray, above: np.ndarray, share: float) -> np.ndarray:
    """What lies between two slices; share : of `above`. Whole numbers stay whole."""
    mixed = (1 - share) * below.astype(np.float64) + share * above.astype(np.float64)
    dtype = np.result_type(below.dtype, above.dtype)
    return (np.rint(mixed) if dtype.kind in "ui" else mixed).astype(dtype)


def _moved(canvas: np.ndarray, part: float, axis: int) -> np.ndarray:
    """`canvas` moved by a part of a pixel; NaN where a neighbour that counts is NaN or not there."""
    if part <= _WHOLE:
        return canvas
    before = np.roll(canvas, 1, axis)
    first = (slice(None),) * axis + (0,)
    before[first] = np.nan
    return (1 - part) * canvas + part * before
