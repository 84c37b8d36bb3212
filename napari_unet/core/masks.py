"""Masks: threshold, largest parts, holes, smoothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_unet.core.runs import runs_of


@dataclass(frozen=True)
class MaskRule:
    """How a raw mask is cleaned: first holes, then parts, then smoothing; of several labels, each for itself.

    largest_parts : how many parts are kept, the largest first; 0 keeps all. Parts are joined by faces
        (an edge of a pixel), so that lungs that meet at a corner are two.
    min_part_share : parts under this share of the largest part are dropped, 0..1; a second lung is larger.
    fill_holes : background that is closed in becomes mask.
    smoothing : standard deviation of the filter that rounds the border, in mm where the spacing is known,
        otherwise in pixels; 0 for none. What is thin but long (a costophrenic angle) stays, and no part falls
        in two.
    per_slice : a (Z, Y, X) stack is cleaned slice by slice (a stack of X-rays); False: as one volume (CT).
    both_lungs : the labels are the right and the left lung of a volume, which are cleaned together, as
        core.ct_lungs says; False: each label for itself.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (no field: misspelt settings are reported)

    largest_parts: int = 2
    min_part_share: float = 0.05
    fill_holes: bool = True
    smoothing: float = 0.0
    per_slice: bool = True
    both_lungs: bool = False

    def __post_init__(self) -> None:
        if self.largest_parts < 0:
            raise ValueError(f"largest_parts must be 0 (all) or more, got {self.largest_parts}")
        if not 0 <= self.min_part_share <= 1:
            raise ValueError(f"min_part_share must lie in 0..1, got {self.min_part_share}")
        if not 0 <= self.smoothing < np.inf:
            raise ValueError(f"smoothing must be 0 or more, got {self.smoothing}")
        if self.both_lungs and self.per_slice:
            raise ValueError("both_lungs is for volumes: per_slice must be false")


def threshold_mask(probability: np.ndarray, threshold: float) -> np.ndarray:
    """bool, True where `probability` is at least `threshold`; nan is never mask. Any shape."""
    return np.asarray(probability >= threshold)


def clean(mask: np.ndarray, rule: MaskRule, spacing_mm: tuple[float, ...] | None = None) -> np.ndarray:
    """`mask` after `rule`: a new bool array of the same shape, (Y, X) or (Z, Y, X).

    spacing_mm : one per axis, or None (then `rule.smoothing` is in pixels). An empty mask stays empty.
    """
    if mask.ndim not in (2, 3):
        raise ValueError(f"a mask is (Y, X) or (Z, Y, X), got shape {mask.shape}")
    if spacing_mm is not None and len(spacing_mm) != mask.ndim:
        raise ValueError(f"spacing {spacing_mm} does not fit shape {mask.shape}")
    if mask.ndim == 3 and rule.per_slice:
        in_plane = None if spacing_mm is None else spacing_mm[1:]
        return np.stack([clean(one, rule, in_plane) for one in mask]) if len(mask) else mask.astype(bool)
    cleaned = np.zeros(mask.shape, bool)
    box = bounding_box(mask)
    if box is None:
        return cleaned
    part = np.ascontiguousarray(mask[box], bool)
    if rule.fill_holes:
        part = fill_holes(part)
    if rule.largest_parts:
        part = _largest_parts(part, rule)
    if rule.smoothing:
        sigmas = tuple(rule.smoothing / s for s in spacing_mm or (1.0,) * mask.ndim)
        reach = [int(np.ceil(2 * s)) for s in sigmas]
        box, part = _padded(box, part, reach, mask.shape)
        part = _smooth(part, sigmas)
    cleaned[box] = part
    return cleaned


def bounding_box(mask: np.ndarray) -> tuple[slice, ...] | None:
    """The smallest slices that hold all of `mask`, one per axis; None if it is empty."""
    slices = []
    for axis in range(mask.ndim):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        where = np.flatnonzero(mask.any(axis=others))
        if not len(where):
            return None
        slices.append(slice(int(where[0]), int(where[-1]) + 1))
    return tuple(slices)


def neighbours(ndim: int) -> list[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """For every axis, the views of all pixels but the last and of all but the first along it."""
    every = (slice(None),) * ndim
    return [((*every[:axis], slice(None, -1)), (*every[:axis], slice(1, None))) for axis in range(ndim)]


def between(mask: np.ndarray, axis: int) -> np.ndarray:
    """What has mask on both sides along an axis, or is mask."""
    before = np.logical_or.accumulate(mask, axis=axis)
    after = np.flip(np.logical_or.accumulate(np.flip(mask, axis), axis=axis), axis)
    return np.asarray(before & after)


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """`mask` with every part of the background that does not reach the array's edge filled in."""
    if mask.ndim == 2:
        background = runs_of(~mask)
        return background.written(mask, ~background.reaches_the_edge(), True)
    labels, hole = _background(mask)
    hole[0] = True  # label 0 is the mask itself
    return np.asarray(hole[labels])


def hole_sizes(mask: np.ndarray) -> np.ndarray:
    """Pixels of each hole that `fill_holes` fills in."""
    box = bounding_box(mask)  # whatever reaches its edge reaches the array's, through background alone
    if box is not None and mask.ndim == 2:
        background = runs_of(~mask[box])
        return np.asarray(background.sizes[~background.reaches_the_edge()])
    labels, hole = _background(mask if box is None else mask[box])
    hole[0] = False
    return np.bincount(labels.ravel(), minlength=len(hole))[hole] if hole.any() else np.zeros(0, np.intp)


def _background(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(labels of the background's parts from 1 on, whether each of them is a hole; [0] stands for none)."""
    labels, count = ndimage.label(~mask)
    hole = np.ones(count + 1, bool)
    for axis in range(mask.ndim):
        hole[labels.take((0, -1), axis=axis).ravel()] = False
    return labels, hole


def part_sizes(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(labels of the parts from 1 on, pixels of each label; the background's count is set to 0)."""
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    return labels, sizes


def count_parts(mask: np.ndarray) -> int:
    """How many parts a mask has, bool (Y, X) or (Z, Y, X)."""
    return len(runs_of(mask).sizes) if mask.ndim == 2 else len(part_sizes(mask)[1]) - 1


def without_small_parts(mask: np.ndarray, smallest: float) -> tuple[np.ndarray, np.ndarray]:
    """(`mask` without the parts under this share of the largest one, pixels of each part that it had).

    mask : bool (Y, X) or (Z, Y, X), itself if no part is smaller. Empty masks have no parts.
    """
    flat = mask.reshape(mask.shape[-2:]) if mask.shape[:-2] in ((), (1,)) else None
    if flat is not None:
        runs = runs_of(flat)
        small = runs.sizes < smallest * runs.sizes.max(initial=0)
        return runs.written(flat, small, False).reshape(mask.shape) if small.any() else mask, runs.sizes
    labels, sizes = part_sizes(mask)
    large = sizes >= smallest * sizes.max()
    large[0] = False
    return large[labels] if np.count_nonzero(large) < len(large) - 1 else mask, sizes[1:]


def _largest_parts(mask: np.ndarray, rule: MaskRule) -> np.ndarray:
    if mask.ndim == 2:
        runs = runs_of(mask)
        return runs.written(mask, ~_kept(runs.sizes, rule), False)
    labels, sizes = part_sizes(mask)
    return np.asarray(_kept(sizes, rule)[labels])


def _kept(sizes: np.ndarray, rule: MaskRule) -> np.ndarray:
    """bool, which of these parts are kept; none of size 0."""
    order = np.argsort(-sizes, kind="stable")[: rule.largest_parts]
    keep = np.zeros(len(sizes), bool)
    keep[order] = True
    return np.asarray(keep & (sizes > 0) & (sizes >= rule.min_part_share * sizes.max(initial=0)))


def _padded(
    box: tuple[slice, ...], part: np.ndarray, reach: list[int], shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], np.ndarray]:
    """`box` and `part` with up to `reach` pixels more on every side, inside `shape`."""
    wide = tuple(
        slice(max(0, b.start - r), min(n, b.stop + r)) for b, r, n in zip(box, reach, shape, strict=True)
    )
    margins = [(b.start - w.start, w.stop - b.stop) for b, w in zip(box, wide, strict=True)]
    return wide, np.pad(part, margins)


def _smooth(mask: np.ndarray, sigmas: tuple[float, ...]) -> np.ndarray:
    """Majority under a Gaussian, part by part, so that a narrow gap between two lungs stays open.

    A piece that would go is put back if it reaches farther than two standard deviations from what stays, and
    all of them are if the part would fall in two. A part of which nothing would stay is left as it is.
    """
    labels, count = ndimage.label(mask)
    smooth = np.zeros(mask.shape, bool)
    for label, box in enumerate(ndimage.find_objects(labels, count), start=1):
        reach = [int(np.ceil(2 * s)) for s in sigmas]
        wide, part = _padded(box, labels[box] == label, reach, mask.shape)
        weight = ndimage.gaussian_filter(part.astype(np.float32), sigmas, mode="nearest", truncate=3.0)
        stays = weight >= 0.5
        lost = part & ~stays
        size = [2 * r + 1 for r in reach]
        far = lost & ~ndimage.maximum_filter(stays, size=size, mode="constant")
        if far.any():
            pieces, _ = ndimage.label(lost)
            back = np.zeros(int(pieces.max()) + 1, bool)
            back[pieces[far]] = True
            stays |= back[pieces]
        if not (stays & part).any():  # a thin part in a bend of which the majority is found beside it
            stays = part
        elif ndimage.label(stays)[1] > 1:
            pieces, _ = ndimage.label(stays | part)
            stays = pieces == pieces[part][0]  # without what has come up beside the part
        smooth[wide] |= stays
    return smooth
