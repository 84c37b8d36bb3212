"""Masks: threshold, largest parts, holes, smoothing, left and right lung."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_unet.core.labels import LEFT, RIGHT
from napari_unet.core.orientation import is_right_lung_on_the_left

_BAND = (0.2, 0.8)  # the cut between the lungs runs in this share of the width that both take up
_WIDEST_BRIDGE = 0.5  # lungs that are joined over more than this share of their height are one lung
_SMALLEST_LUNG = 0.15  # a cut through a joined part must leave this share of it on either side
_SPECK = 0.05  # parts under this share of the largest do not influence where the cut runs
_AT_ONCE = 64  # slices whose cuts are looked for together: about 50 MB for a CT
_NARROW = 0.8  # width to height under which parts in one half of the image are one lung


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
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (no field: misspelt settings are reported)

    largest_parts: int = 2
    min_part_share: float = 0.05
    fill_holes: bool = True
    smoothing: float = 0.0
    per_slice: bool = True

    def __post_init__(self) -> None:
        if self.largest_parts < 0:
            raise ValueError(f"largest_parts must be 0 (all) or more, got {self.largest_parts}")
        if not 0 <= self.min_part_share <= 1:
            raise ValueError(f"min_part_share must lie in 0..1, got {self.min_part_share}")
        if not 0 <= self.smoothing < np.inf:
            raise ValueError(f"smoothing must be 0 or more, got {self.smoothing}")


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


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """`mask` with every part of the background that does not reach the array's edge filled in."""
    labels, hole = _background(mask)
    hole[0] = True  # label 0 is the mask itself
    return np.asarray(hole[labels])


def hole_sizes(mask: np.ndarray) -> np.ndarray:
    """Pixels of each hole that `fill_holes` fills in."""
    box = bounding_box(mask)  # whatever reaches its edge reaches the array's, through background alone
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


def split_left_right(
    mask: np.ndarray, row_direction: str | None = "L", *, per_slice: bool = True
) -> np.ndarray:
    """uint8 labels: 1 = the patient's right lung, 2 = the patient's left lung, 0 elsewhere.

    mask : bool (Y, X) or (Z, Y, X).
    row_direction : "L" or "R", the side of the patient to which X increases; None means that nothing says
        so: "L" is taken, as in a PA or AP view (and the user is informed; see core/orientation.py).
    per_slice : slices of a stack are split one by one; False: one volume with one pair of lungs.

    A cut from top to bottom goes where it crosses the fewest mask pixels near the middle of what the mask
    takes up: between two lungs, or through the bridge if they touch. Where it would have to cross more than
    half of the height, the mask is one lung, and the half of the image that holds most of it decides which.
    """
    if mask.ndim not in (2, 3):
        raise ValueError(f"a mask is (Y, X) or (Z, Y, X), got shape {mask.shape}")
    if mask.ndim == 3 and per_slice:
        slices = [split_left_right(one, row_direction) for one in mask]
        return np.stack(slices) if slices else np.zeros(mask.shape, np.uint8)
    volume = mask.astype(bool)[None] if mask.ndim == 2 else mask.astype(bool)
    labels = np.zeros(volume.shape, np.uint8)
    box = bounding_box(volume)
    if box is not None:
        _label_sides(labels, volume, box, row_direction)
    return labels.reshape(mask.shape)


def sides_and_parts(mask: np.ndarray, row_direction: str | None) -> tuple[int, int, np.ndarray]:
    """(pixels of the right lung, of the left lung, of each part) of one image or volume, looked for once.

    mask, row_direction : as in `split_left_right`.
    """
    volume = mask.astype(bool)[None] if mask.ndim == 2 else mask.astype(bool)
    box = bounding_box(volume)
    if box is None:
        return 0, 0, np.zeros(0, np.intp)
    labels = np.zeros(volume.shape, np.uint8)
    sizes = _label_sides(labels, volume, box, row_direction)
    right = int(np.count_nonzero(labels == RIGHT))
    return right, int(sizes.sum()) - right, sizes


def _label_sides(
    labels: np.ndarray, volume: np.ndarray, box: tuple[slice, ...], row_direction: str | None
) -> np.ndarray:
    """Write RIGHT and LEFT into `labels` where `volume` is; returns the sizes of its parts."""
    rows = (*box[:2], slice(None))  # where the image's middle is decides, so all columns stay
    part = volume[rows]
    left, sizes = _left_of_cut(part, box[2])
    on_the_right = left == is_right_lung_on_the_left(row_direction)
    labels[rows] = np.where(on_the_right, np.uint8(RIGHT), np.uint8(LEFT)) * part
    return sizes


def _largest_parts(mask: np.ndarray, rule: MaskRule) -> np.ndarray:
    labels, sizes = part_sizes(mask)
    order = np.argsort(-sizes, kind="stable")[: rule.largest_parts]
    keep = np.zeros(len(sizes), bool)
    keep[order] = True
    keep &= (sizes > 0) & (sizes >= rule.min_part_share * sizes.max())
    return np.asarray(keep[labels])


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


def _left_of_cut(volume: np.ndarray, columns: slice) -> tuple[np.ndarray, np.ndarray]:
    """(bool like `volume` (Z, Y, X), True where a pixel belongs to the lung on the image's left; sizes of its
    parts, the background's 0 first). columns : those that hold all of it; it is not empty."""
    labels, sizes = part_sizes(volume[:, :, columns])
    large = sizes >= _SPECK * sizes.max()
    large[0] = False
    big = volume
    if np.count_nonzero(large) < len(large) - 1:
        big = np.zeros(volume.shape, bool)
        big[:, :, columns] = large[labels]
    box = bounding_box(big)
    assert box is not None  # the largest part is large
    cuts = _cuts_between(big, box)
    at = np.arange(volume.shape[2])
    left = at[None, None, :] < cuts[:, :, None]
    if _is_one_lung(big, box, left, cuts):
        mass = big.sum(axis=(0, 1))
        left[:] = bool((mass * (at - (volume.shape[2] - 1) / 2)).sum() <= 0)
    return left, sizes


def _is_one_lung(big: np.ndarray, box: tuple[slice, ...], left: np.ndarray, cuts: np.ndarray) -> bool:
    """Whether the two sides of the cut are pieces of the same lung."""
    share = np.count_nonzero(big & left) / np.count_nonzero(big)
    if not 0 < share < 1:
        return True
    from_middle = np.arange(big.shape[2]) - (big.shape[2] - 1) / 2
    lean = [float((side.sum(axis=(0, 1)) * from_middle).sum()) for side in (big & left, big & ~left)]
    around_middle = lean[0] < 0 < lean[1]
    crossed = int(np.take_along_axis(big, cuts[:, :, None], axis=2).sum())
    if not crossed:
        high, wide = box[1].stop - box[1].start, box[2].stop - box[2].start
        return not around_middle and wide < _NARROW * high
    too_wide = crossed > _WIDEST_BRIDGE * np.count_nonzero(big.any(axis=2))
    return bool(too_wide or not around_middle or min(share, 1 - share) < _SMALLEST_LUNG)


def _cuts_between(big: np.ndarray, box: tuple[slice, ...]) -> np.ndarray:
    """int (Z, Y): the column where the right side begins, per row; the cheapest way from top to bottom."""
    first, last = box[2].start, box[2].stop
    begin, end = (round(first + share * (last - first)) for share in _BAND)
    end = max(end, begin + 1)
    from_middle = np.abs(np.arange(begin, end) - (first + last - 1) / 2) / max(1, last - first)
    aside = np.float32(0.02) * from_middle.astype(np.float32)
    cuts = np.empty(big.shape[:2], np.intp)
    for start in range(0, len(big), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        path = begin + _cheapest_paths(big[some, box[1], begin:end].transpose(1, 0, 2) + aside).T
        cuts[some, box[1]] = path
        cuts[some, : box[1].start], cuts[some, box[1].stop :] = path[:, :1], path[:, -1:]
    return cuts


def _cheapest_paths(total: np.ndarray) -> np.ndarray:
    """int (Y, Z): the column per row of the path down each slice with the least sum; one step aside per row.

    total : cost of each pixel, float32 (Y, Z, X); it is overwritten. All slices take a step at once, which is
    what makes a volume quick.
    """
    height, slices, width = total.shape
    around = np.full((slices, width + 2), np.inf, total.dtype)
    for y in range(1, height):
        around[:, 1:-1] = total[y - 1]
        total[y] += np.minimum(np.minimum(around[:, :-2], around[:, 1:-1]), around[:, 2:])
    path = np.empty((height, slices), np.intp)
    path[-1] = np.argmin(total[-1], axis=1)
    which = np.arange(slices)[:, None]
    for y in range(height - 2, -1, -1):
        around[:, 1:-1] = total[y]
        steps = around[which, path[y + 1][:, None] + np.arange(3)]
        path[y] = path[y + 1] - 1 + np.argmin(steps, axis=1)
    return path
