"""A simulated hand: where it would correct a mask next, and the line it would draw."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage

_CROSS = np.ones((3, 3), bool)
_TREMBLE = 6.0  # pixels, before smoothing along the line
_LENGTH = 0.5  # of the middle line that is drawn


@dataclass(frozen=True)
class Stroke:
    """path : (N, 2) rows and columns. inside : it adds lung. radius : half the width of what is wrong."""

    path: np.ndarray
    inside: bool
    radius: float


def next_stroke(mask: np.ndarray, reference: np.ndarray, rng: np.random.Generator) -> Stroke | None:
    """Along the middle of the place where `mask` is wrong most (bool (Y, X)); None where all is well."""
    best = None
    for inside, wrong in ((True, reference & ~mask), (False, mask & ~reference)):
        depth = ndimage.distance_transform_edt(np.pad(wrong, 1))[1:-1, 1:-1]
        parts, count = ndimage.label(depth >= 2, _CROSS)  # a rim of one pixel is nobody's concern
        if count:
            weight = np.bincount(parts.ravel(), depth.ravel())
            weight[0] = 0
            worst = int(weight.argmax())
            if best is None or weight[worst] > best[0]:
                best = (weight[worst], inside, np.where(parts == worst, depth, 0))
    if best is None:
        return None
    _, inside, depth = best
    path = _middle(depth)
    radius = float(np.median(depth[tuple(path.T)]))
    room = 0.35 * depth[tuple(path.T)][:, None]
    tremble = ndimage.gaussian_filter1d(rng.normal(size=path.shape), 3, axis=0, mode="nearest") * _TREMBLE
    line = path + np.clip(tremble, -room, room)
    length = max(2, round(_LENGTH * len(line)))
    start = int(rng.integers(0, max(1, len(line) - length + 1)))
    return Stroke(line[start : start + length], inside, radius)


def draw(path: np.ndarray, shape: tuple[int, ...], radius: float) -> np.ndarray:
    """bool of `shape`: all within `radius` of the line."""
    line = np.zeros(shape, bool)
    for one, two in pairwise(path):
        count = int(np.abs(two - one).max() * 2) + 2
        rows, columns = np.round(np.linspace(one, two, count)).astype(int).T
        line[np.clip(rows, 0, shape[0] - 1), np.clip(columns, 0, shape[1] - 1)] = True
    return np.asarray(ndimage.distance_transform_edt(~line) <= radius)


def _middle(depth: np.ndarray) -> np.ndarray:
    """(N, 2) pixels from one end of the deep part to the other, as deep inside as they can be."""
    from skimage.graph import MCP

    deep = depth >= 0.45 * depth.max()
    parts, _ = ndimage.label(deep, _CROSS)
    weight = np.bincount(parts.ravel(), depth.ravel())
    weight[0] = 0
    deep = parts == weight.argmax()
    cost = np.where(deep, 1 / np.maximum(depth, 1) ** 2, -1.0)
    start = tuple(np.argwhere(deep)[0])
    for _ in range(2):  # the farthest from anywhere is one end, the farthest from there the other
        walk = MCP(cost)
        away, _ = walk.find_costs([start])
        end = tuple(np.argwhere(deep & (away == away[deep].max()))[0])
        path = np.array(walk.traceback(end))
        start = end
    return path[:: max(1, int(depth.max() / 6))]
