"""Push the border: a scribble says what is lung or what is not, and the border nearby is found anew.

Between the scribble and the mask far from it a random walker on a coarse grid finds where the border runs; image
and probability say where walking is hard. At the edge the full-size probability has the last word.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import splu

from napari_unet.core.change import IGNORE, Change
from napari_unet.core.lung_labels import change_in, grown_box, lung, with_lung
from napari_unet.core.masks import bounding_box

_GRID = 128  # nodes per axis at most
_FAR = 0.75  # how far beyond the scribble the border may move, in shares of the scribble's distance to it
_LOGIT = 4.0  # probabilities are told apart up to this logit: 0.018 to 0.982


def push_border(
    labels: np.ndarray,
    image: np.ndarray,
    probability: np.ndarray | None,
    scribble: np.ndarray,
    inside: bool,
    label: int = 1,
) -> Change:
    """Moves the border so that `scribble` lies inside the lung (or outside, if not `inside`).

    labels : uint8, image : numbers, probability : 0..1 or None, scribble : bool; all (Y, X). Only what hangs
    together with the scribble changes: `inside` only adds lung, the other only takes it away. New pixels take
    the label of the lung they are joined to; where there is none, `label`. Pixels to be ignored stay.
    """
    wrong = scribble & (lung(labels) != inside) & (labels != IGNORE)
    near = bounding_box(wrong)
    if near is None:
        return Change(labels.shape, np.empty(0, np.int64), np.empty(0, np.uint8))
    reach = _reach(labels, wrong, near, inside)
    box = grown_box(near, (reach + 2, reach + 2), labels.shape)
    step = -(-max(part.stop - part.start for part in box) // _GRID)
    old, seeds = labels[box], wrong[box]
    is_lung = lung(old)
    coarse = _Coarse(step, is_lung.shape)
    free = ndimage.distance_transform_edt(~seeds) <= reach
    solved = _solve(
        coarse.mean(image[box].astype(np.float32)),
        None if probability is None else coarse.mean(_logit(probability[box])),
        coarse.mean(is_lung.astype(np.float32)) >= 0.5,
        coarse.mean(seeds.astype(np.float32)) > 0,
        coarse.mean(free.astype(np.float32)) >= 0.5,
        inside,
    )
    fine = coarse.enlarge(solved)
    wanted = (fine >= 0.5) & free | seeds if inside else ~((fine < 0.5) & free | seeds)
    moved = (wanted & ~is_lung) if inside else (is_lung & ~wanted)
    parts, count = ndimage.label(moved & (old != IGNORE))
    keep = np.zeros(count + 1, bool)
    keep[parts[seeds]] = True
    keep[0] = False
    return change_in(labels, box, with_lung(old, is_lung ^ keep[parts], label))


def _reach(labels: np.ndarray, wrong: np.ndarray, near: tuple[slice, ...], inside: bool) -> int:
    """How far from the scribble the border may come to lie, in pixels."""
    length = max(part.stop - part.start for part in near)
    box = grown_box(near, (max(length, 64),) * 2, labels.shape)
    there = lung(labels[box]) == inside
    away = ndimage.distance_transform_edt(~there)[wrong[box]].max() if there.any() else length
    return int(np.ceil(_FAR * away + 4))


class _Coarse:
    """Blocks of step × step pixels as the nodes of a grid; the last ones may hang over the edge."""

    def __init__(self, step: int, shape: tuple[int, ...]) -> None:
        self._step, self._shape = step, shape

    def mean(self, values: np.ndarray) -> np.ndarray:
        step = self._step
        if step == 1:
            return values
        over = [(0, -size % step) for size in self._shape]
        padded = np.pad(values, over, mode="edge")
        rows, columns = (size // step for size in padded.shape)
        return np.asarray(padded.reshape(rows, step, columns, step).mean(axis=(1, 3)))

    def enlarge(self, values: np.ndarray) -> np.ndarray:
        if self._step == 1:
            return values
        large = ndimage.zoom(values, self._step, order=1, mode="nearest", grid_mode=True)
        return np.asarray(large[: self._shape[0], : self._shape[1]])


def _solve(
    image: np.ndarray,
    logit: np.ndarray | None,
    is_lung: np.ndarray,
    seeds: np.ndarray,
    free: np.ndarray,
    inside: bool,
) -> np.ndarray:
    """Chance, per node, that a walk from it meets lung first; known are the scribble and what lies far."""
    unknown = free & ~seeds
    unknown &= ~is_lung if inside else is_lung
    value = np.where(seeds, float(inside), is_lung.astype(float))
    if not unknown.any():
        return value
    spread = max(float(image[free].std()), 1e-6)
    features = [image / spread] + ([] if logit is None else [logit / 2])
    number = np.full(image.shape, -1)
    number[unknown] = np.arange(np.count_nonzero(unknown))
    size = int(unknown.sum())
    diagonal, pull = np.zeros(size), np.zeros(size)
    rows, columns, weights = [], [], []
    for axis in (0, 1):
        one = tuple(slice(None, -1) if a == axis else slice(None) for a in (0, 1))
        two = tuple(slice(1, None) if a == axis else slice(None) for a in (0, 1))
        apart = sum((feature[one] - feature[two]) ** 2 for feature in features)
        weight = np.exp(-4 * apart) + 1e-3
        for here, there in ((one, two), (two, one)):
            mine, theirs = number[here], number[there]
            at = mine >= 0
            np.add.at(diagonal, mine[at], weight[at])
            known = at & (theirs < 0)
            np.add.at(pull, mine[known], weight[known] * value[there][known])
            both = at & (theirs >= 0)
            rows.append(mine[both])
            columns.append(theirs[both])
            weights.append(-weight[both])
    matrix = sparse.coo_matrix(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), shape=(size, size)
    )
    matrix = (matrix + sparse.diags(diagonal)).tocsc()
    value[unknown] = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(pull)
    return value


def _logit(probability: np.ndarray) -> np.ndarray:
    odds = np.log(np.maximum(probability, 1e-6) / np.maximum(1 - probability, 1e-6))
    return np.asarray(np.clip(odds, -_LOGIT, _LOGIT), np.float32)
