"""Labels of a volume: cleaned on the network's own grid, then drawn at the image's size, a slice at a time.

What the rule for masks removes, fills in or gives to another label is put into the maps of the grid, and the
threshold of the enlarged maps gives the mask. So no border is cut along the grid's pixels but where the rule
has cut, and nothing at the image's size is needed for more than one slice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_LEVELS = np.arange(256, dtype=np.float32) * np.float32(1 / 255)


def any_label(grid: np.ndarray) -> np.ndarray:
    """Return the probability that a pixel has any label: their sum, as labels exclude each other, up to 1.

    Between two labels that touch it is high, though neither is likely there.

    Parameters
    ----------
    grid : ndarray of shape (C, ...)
        Probability of each label: float32 from 0 to 1, or uint8 with 255 for 1.

    Returns
    -------
    ndarray
        Of the shape without C, and the same dtype; for a single label a view.
    """
    if len(grid) == 1:
        return np.asarray(grid[0])
    if grid.dtype == np.uint8:
        return np.asarray(np.minimum(grid.sum(axis=0, dtype=np.uint16), 255), np.uint8)
    return np.asarray(np.minimum(grid.sum(axis=0), 1))


def likeliest_labels(grid: np.ndarray, values: Sequence[int], threshold: float) -> np.ndarray:
    """Return the value of the likeliest label where `any_label` reaches the threshold, 0 elsewhere.

    Parameters
    ----------
    grid : ndarray of shape (C, y, x)
        Probability of each label: float32 from 0 to 1, or uint8 with 255 for 1. NaN reaches no threshold.
    values : sequence of int
        Of the labels, in the order of the channels.
    threshold : float
        Between 0 and 1.

    Returns
    -------
    ndarray of uint8
        Of shape (y, x).
    """
    best, number = grid[0], np.full(grid.shape[1:], values[0], np.uint8)
    for channel, value in zip(grid[1:], values[1:], strict=True):  # argmax takes five times as long
        number[channel > best] = value
        best = np.maximum(best, channel)
    lowest = np.searchsorted(_LEVELS, np.float32(threshold)) if grid.dtype == np.uint8 else threshold
    return np.asarray(number * (any_label(grid) >= lowest))


def with_cleaned(grid: np.ndarray, values: Sequence[int], raw: np.ndarray, cleaned: np.ndarray) -> np.ndarray:
    """Return maps whose likeliest labels are `cleaned`, equal to `grid` where that changed nothing.

    Parameters
    ----------
    grid, values
        As in `likeliest_labels`.
    raw : ndarray of uint8, shape (y, x)
        What `likeliest_labels` gives for them at a threshold, at which the maps returned give `cleaned`.
    cleaned : ndarray of uint8, shape (y, x)
        The labels as they should be.

    Returns
    -------
    ndarray
        Like `grid`; `grid` itself if nothing was changed. Where a label was removed, no label has any
        probability; where another one came, it alone has all of it.
    """
    changed = raw != cleaned
    if not changed.any():
        return grid
    full = 255 if grid.dtype == np.uint8 else 1
    maps = np.where(changed, grid.dtype.type(0), grid)
    for channel, value in zip(maps, values, strict=True):
        channel[changed & (cleaned == value)] = full
    return maps
