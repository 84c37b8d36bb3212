"""Push the border: a scribble says what is lung or what is not, and the border nearby is found again.

A scribble is taken for the middle line of what was wrong: where the image has no edge, the border comes to
lie as far beyond it as it lay before it. Edges in image and probability bend that: a random walk with this as
its prior is solved on a coarse grid. Between the nodes the full-size probability says where the border runs.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_unet.core.change import Change
from napari_unet.core.grid import Grid, logit, random_walk
from napari_unet.core.labels import IGNORE, lung
from napari_unet.core.lung_labels import change_in, grown_box, no_change, with_lung
from napari_unet.core.masks import bounding_box, fill_holes

_NODES = 128  # of the grid per axis, at most
_FAR = 3.0  # how far beyond the scribble the border may move, in shares of the scribble's distance to it
_NEAR = 6  # pixels that it may move in any case
_WIDEST = 0.1  # that distance at most, in shares of the image's larger side,
_SLENDER = 1 / 6  # or of the scribble's length if that is more: lungs are about three times as high as wide
_STEEP = 3.0  # of the prior, where it passes one half
_TRUST = 2.0  # in the prior, against the walk
_IMAGE, _PROBABILITY = (
    10.0,
    1.0,
)  # how much an edge hinders the walk: per standard deviation, per unit of logit
_UNLIKE = 0.7  # how much the prior leans away from pixels unlike the scribble, per standard deviation
_LEVEL = 0.5  # how much the prior leans towards pixels more likely than the scribble
_PERHAPS = 0.2  # nodes below are out of the probability's reach
_SMALL = 0.2  # of what is moved: gaps up to this share are closed


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
    for other in (image, scribble, labels if probability is None else probability):
        if other.shape != labels.shape:
            raise ValueError(f"shapes differ: {labels.shape} and {other.shape}")
    near = bounding_box(scribble)
    if near is None:
        return no_change(labels)
    wrong = scribble[near] & (lung(labels[near]) != inside) & (labels[near] != IGNORE)
    part = bounding_box(wrong)
    if part is None:
        return no_change(labels)
    wrong = wrong[part]
    near = tuple(slice(n.start + p.start, n.start + p.stop) for n, p in zip(near, part, strict=True))
    distance = _distance(labels, wrong, near, inside)
    reach = int(np.ceil(_FAR * distance)) + _NEAR + 2
    box = grown_box(near, (reach, reach), labels.shape)
    old = labels[box]
    seeds = np.zeros(old.shape, bool)
    seeds[tuple(slice(n.start - b.start, n.stop - b.start) for n, b in zip(near, box, strict=True))] = wrong
    alike = lung(old) == inside  # what is already as the scribble wants it
    seen = None if probability is None else probability[box]
    part, grown = _grown(alike, image[box], seen, seeds, inside, distance)
    inner = tuple(slice(b.start + p.start, b.start + p.stop) for b, p in zip(box, part, strict=True))
    return change_in(labels, inner, with_lung(labels[inner], grown if inside else ~grown, label))


def _distance(labels: np.ndarray, wrong: np.ndarray, near: tuple[slice, ...], inside: bool) -> float:
    """How far the scribble reaches beyond the border, in pixels; limited by its length and by the image's."""
    length: int = max(wrong.shape)
    most: float = max(_SLENDER * length, _WIDEST * max(labels.shape))
    box = grown_box(near, (int(most) + 1,) * 2, labels.shape)
    step: int = -(-max(part.stop - part.start for part in box) // _NODES)
    alike = lung(labels[box][::step, ::step]) == inside
    if not alike.any():
        return _SLENDER * length  # a lung of its own
    away = step * ndimage.distance_transform_edt(~alike)
    rows, columns = np.nonzero(wrong)
    rows, columns = rows + near[0].start - box[0].start, columns + near[1].start - box[1].start
    return min(float(away[rows // step, columns // step].max()), most)


def _grown(
    alike: np.ndarray,
    image: np.ndarray,
    probability: np.ndarray | None,
    seeds: np.ndarray,
    inside: bool,
    distance: float,
) -> tuple[tuple[slice, ...], np.ndarray]:
    """(the part that may change, bool: `alike` there and what it gains through `seeds`). All (Y, X)."""
    grid = Grid(alike.shape, _NODES)
    seed = grid.nodes(seeds)
    old = (grid.mean(alike) >= 0.5) & ~seed
    likely = None if probability is None else grid.mean(probability)
    value, free = _walked(
        grid.step, old, seed, _even(np.nan_to_num(grid.mean(image))), likely, inside, distance
    )
    near = bounding_box(seed | (free & (value >= _PERHAPS)))
    assert near is not None  # the seeds are in it
    nodes = grown_box(near, (2, 2), seed.shape)
    part = tuple(
        slice(n.start * grid.step, min(n.stop * grid.step, size))
        for n, size in zip(nodes, alike.shape, strict=True)
    )
    fine = grid.enlarge(value, part)
    if probability is not None and likely is not None and grid.step > 1:
        detail = probability[part] - grid.enlarge(likely, part)
        fine += detail if inside else -detail
    gained = (fine >= 0.5) & (grid.enlarge(free | seed, part) >= 0.5) | seeds[part]
    parts, count = ndimage.label(gained & ~alike[part])
    keep = np.zeros(count + 1, bool)
    keep[parts[seeds[part]]] = True
    return part, _closed(alike[part], np.asarray(keep[parts]))


def _walked(
    step: int,
    old: np.ndarray,
    seed: np.ndarray,
    image: np.ndarray,
    likely: np.ndarray | None,
    inside: bool,
    distance: float,
) -> tuple[np.ndarray, np.ndarray]:
    """(how much each node is like the scribble, 0..1; which nodes may change). All of the grid's shape."""
    away, (rows, columns) = ndimage.distance_transform_edt(~seed, return_indices=True)
    most = np.full(old.shape, distance / step)
    reach = np.minimum(ndimage.distance_transform_edt(~old), most) if old.any() else most
    reach = ndimage.maximum_filter(np.where(seed, reach, 0), 5)[rows, columns]  # of the nearest seed
    around = away <= _FAR * reach + _NEAR / step
    free = around & ~seed & ~old
    prior = _STEEP * (1 - away / np.maximum(reach, 2 / step))
    spread = float(image[around].std())
    features = []
    if spread > 0:
        unlike = (image - np.median(image[seed])) / spread
        features.append(_IMAGE / 2 * unlike)
        prior -= _UNLIKE * np.abs(unlike)
    if likely is not None:
        odds = logit(likely)
        features.append(_PROBABILITY / 2 * odds)
        level = odds - np.median(odds[seed])
        prior += _LEVEL * (level if inside else -level)
    trust = _TRUST / max(float(reach.max()), 2 / step) ** 2
    value = random_walk(seed | old, free, features, 1 / (1 + np.exp(-prior)), trust)
    return _even(value), free  # noise shall not fray the border


def _even(values: np.ndarray) -> np.ndarray:
    return np.asarray(ndimage.gaussian_filter(values, 1.0, mode="nearest"))


def _closed(alike: np.ndarray, gained: np.ndarray) -> np.ndarray:
    """`alike` with `gained`, and with the small gaps that are closed in between the two."""
    both = alike | gained
    gaps, count = ndimage.label(fill_holes(both) & ~both)
    if not count:
        return np.asarray(both)
    small = np.bincount(gaps.ravel()) <= _SMALL * np.count_nonzero(gained)
    beside = np.zeros(count + 1, bool)
    beside[np.unique(gaps[ndimage.binary_dilation(gained)])] = True
    beside[0] = False
    fill = np.asarray(small & beside)
    return np.asarray(both | fill[gaps])
