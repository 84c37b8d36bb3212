"""A coarse grid over a part of an image, and a random walk on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

_LOGIT = 4.0  # probabilities are distinguished up to this logit: 0.018 to 0.982
_SAMPLES = 4  # pixels per axis of a block that make its mean
_HARD = 1e-3  # chance of a step across the hardest edge, against one where there is none


class Grid:
    """At most `nodes` nodes an axis over an array (Y, X), one for each block of step × step pixels."""

    def __init__(self, shape: tuple[int, ...], nodes: int) -> None:
        self.step = max(1, -(-max(shape) // nodes))
        self._shape = shape

    def mean(self, values: np.ndarray) -> np.ndarray:
        """float32 of the grid's shape: the mean of up to 4×4 pixels spread evenly over each block.

        Where a block hangs over the edge, the last pixels go on.
        """
        per = min(self.step, _SAMPLES)
        rows, columns = (self._samples(size, per) for size in self._shape)
        found = values[np.ix_(rows, columns)].astype(np.float32)
        blocks = found.reshape(len(rows) // per, per, len(columns) // per, per)
        return np.asarray(blocks.mean(axis=(1, 3)))

    def nodes(self, mask: np.ndarray) -> np.ndarray:
        """bool of the grid's shape: blocks in which `mask` (bool (Y, X)) has a pixel."""
        found = np.zeros([-(-size // self.step) for size in self._shape], bool)
        found[tuple(axis // self.step for axis in np.nonzero(mask))] = True
        return found

    def enlarge(self, values: np.ndarray, part: tuple[slice, ...] | None = None) -> np.ndarray:
        """float32 (Y, X), or the `part` of it: `values` of the nodes, linear between their centres."""
        rows, columns = part or (slice(None), slice(None))
        down, across = (self._weights(size, n) for size, n in zip(self._shape, values.shape, strict=True))
        return np.asarray(down[rows] @ values.astype(np.float32) @ across[columns].T)

    def _samples(self, size: int, per: int) -> np.ndarray:
        at = (np.arange(per) + 0.5) * self.step / per - 0.5
        offsets = np.where(np.arange(per) < per / 2, np.floor(at), np.ceil(at)).astype(int)  # symmetric
        starts = np.arange(0, size, self.step)
        return np.asarray(np.minimum((starts[:, None] + offsets).ravel(), size - 1))

    def _weights(self, size: int, nodes: int) -> np.ndarray:
        at = np.clip((np.arange(size) + 0.5) / self.step - 0.5, 0, nodes - 1)
        first = np.minimum(at.astype(int), max(nodes - 2, 0))
        weights = np.zeros((size, nodes), np.float32)
        weights[np.arange(size), first] = 1 - (at - first)
        weights[np.arange(size), np.minimum(first + 1, nodes - 1)] += at - first
        return weights


def logit(probability: np.ndarray) -> np.ndarray:
    """float32: the logarithm of the odds, between -4 and 4."""
    odds = np.log(np.maximum(probability, 1e-6) / np.maximum(1 - probability, 1e-6))
    return np.asarray(np.clip(odds, -_LOGIT, _LOGIT), np.float32)


def random_walk(
    one: np.ndarray, free: np.ndarray, features: Sequence[np.ndarray], prior: np.ndarray, trust: float
) -> np.ndarray:
    """float64 0..1 (Y, X): the chance that a walk from each node ends in `one`.

    one : bool, nodes that hold 1; all others that are not `free` (bool) hold 0. A step between neighbours is
    the less likely, the more their `features` differ: exp(-4 · sum of squares). prior : 0..1, where a walk
    ends that stops on the way, which it does with weight `trust`, 0 or more.
    """
    value = one.astype(float)
    size = int(np.count_nonzero(free))
    if not size:
        return value
    number = np.full(free.shape, -1)
    number[free] = np.arange(size)
    diagonal, pull = np.full(size, trust, float), trust * prior[free].astype(float)
    rows, columns, weights = [], [], []
    for axis in (0, 1):
        here, there = _neighbours(axis)
        apart = sum(((f[here] - f[there]) ** 2 for f in features), np.zeros(number[here].shape))
        weight = np.exp(-4 * apart) + _HARD
        for mine, theirs in ((here, there), (there, here)):
            own = number[mine] >= 0
            diagonal += np.bincount(number[mine][own], weight[own], size)
            fixed = own & (number[theirs] < 0)
            pull += np.bincount(number[mine][fixed], (weight * value[theirs])[fixed], size)
            both = own & ~fixed
            rows.append(number[mine][both])
            columns.append(number[theirs][both])
            weights.append(-weight[both])
    every = np.arange(size)
    matrix = sparse.csc_matrix(
        (
            np.concatenate([*weights, diagonal]),
            (np.concatenate([*rows, every]), np.concatenate([*columns, every])),
        ),
        shape=(size, size),
    )
    factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    value[free] = factors.solve(pull)
    return value


def _neighbours(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    whole = slice(None)
    if axis == 0:
        return (slice(None, -1), whole), (slice(1, None), whole)
    return (whole, slice(None, -1)), (whole, slice(1, None))
