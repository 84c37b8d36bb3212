"""The parts of a flat mask, found by its runs: pixels side by side in a row.

There are a few thousand runs in an image of millions of pixels. What is asked of parts (sizes, which are
small, which are holes) is answered run by run, and only what changes is written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True)
class Runs:
    """The runs of a mask (Y, X) in array order, and the part that each belongs to.

    Parameters
    ----------
    shape : tuple of int
    row, start, stop : ndarray of int
        Of each run: its row, its first column, and the column after its last.
    part : ndarray of int
        Of each run: number of its part, from 0 on, in the order in which parts begin. Pixels that share an
        edge are of one part.
    sizes : ndarray of int
        Pixels of each part.
    """

    shape: tuple[int, int]
    row: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    part: np.ndarray
    sizes: np.ndarray

    def reaches_the_edge(self) -> np.ndarray:
        """Bool for each part: whether a pixel of it lies on the edge of the array."""
        height, width = self.shape
        outermost = (self.row == 0) | (self.row == height - 1) | (self.start == 0) | (self.stop == width)
        found = np.zeros(len(self.sizes), bool)
        found[self.part[outermost]] = True
        return found

    def written(self, mask: np.ndarray, parts: np.ndarray, value: bool) -> np.ndarray:
        """Return a copy of a bool mask in which all pixels of some parts have a value.

        Parameters
        ----------
        mask : ndarray of bool, of `shape`
        parts : ndarray of bool
            Which parts, one per part.
        value : bool
        """
        result = np.array(mask, bool, order="C")
        flat, chosen = result.reshape(-1), parts[self.part]
        row = self.row[chosen] * self.shape[1]
        ends = (row + self.start[chosen]).tolist(), (row + self.stop[chosen]).tolist()
        for begin, stop in zip(*ends, strict=True):
            flat[begin:stop] = value
        return result


def runs_of(mask: np.ndarray) -> Runs:
    """The runs of a bool mask (Y, X)."""
    height, width = mask.shape
    wide = np.zeros((height, width + 1), bool)  # an empty column, so that no run goes on in the next row
    wide[:, :width] = mask
    flat = wide.reshape(-1)
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat.size and flat[0]:
        ends = np.concatenate([[0], ends])
    begin, end = ends[0::2], ends[1::2]
    part = _joined(begin, end, width + 1)
    sizes = np.bincount(part, weights=end - begin).astype(np.intp)
    row = begin // (width + 1)
    first = row * (width + 1)
    return Runs((height, width), row, begin - first, end - first, part, sizes)


def _joined(begin: np.ndarray, end: np.ndarray, row: int) -> np.ndarray:
    """Part of each run. begin, end : pixels from the array's start; row : pixels from one row to the next."""
    first = np.searchsorted(end, begin + row, side="right")  # the first run below that does not end before
    last = np.searchsorted(begin, end + row, side="left")  # and the first that begins behind
    count = np.maximum(last - first, 0)
    above = np.repeat(np.arange(len(begin)), count)
    below = np.arange(len(above)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    joins = coo_array((np.ones(len(above), bool), (above, below)), shape=(len(begin), len(begin)))
    return np.asarray(connected_components(joins, directed=False)[1], np.intp)
