"""Right and left lung: which pixels of a mask belong to which, by where they lie."""

from __future__ import annotations

import numpy as np

from napari_unet.core.label_set import LabelSet
from napari_unet.core.labels import LEFT, RIGHT, lung
from napari_unet.core.masks import bounding_box, without_small_parts
from napari_unet.core.orientation import is_right_lung_on_the_left

_BAND = (0.2, 0.8)  # the cut between the lungs runs in this share of the width that both take up
_WIDEST_BRIDGE = 0.5  # lungs that are joined over more than this share of their height are one lung
_SMALLEST_LUNG = 0.15  # a cut through a joined part must leave this share of it on either side
_SPECK = 0.05  # parts under this share of the largest do not influence where the cut runs
_AT_ONCE = 64  # slices whose cuts are looked for together: about 50 MB for a CT
_NARROW = 0.8  # width to height under which parts in one half of the image are one lung


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
    return split_and_counted(mask, row_direction)[0]


def told_apart(
    labels: np.ndarray, known: LabelSet, row_direction: str | None, *, per_slice: bool
) -> np.ndarray:
    """uint8: a mask of lungs with right and left apart, 0 elsewhere: by its labels where these tell sides.

    known : what the labels mean; see `LabelSet.of_mask`. Else as `split_left_right`, which the other
    arguments are for.
    """
    lungs = lung(labels)
    if known.of_mask(labels).tells_sides:
        return np.where(lungs, labels, np.uint8(0))
    return split_left_right(lungs, row_direction, per_slice=per_slice)


Counted = tuple[int, int, np.ndarray]
"""Pixels of the right lung, of the left lung, of each part."""


def sides_and_parts(mask: np.ndarray, row_direction: str | None) -> Counted:
    """What is counted in one image or volume. mask, row_direction : as in `split_left_right`."""
    return split_and_counted(mask, row_direction)[1]


def split_and_counted(mask: np.ndarray, row_direction: str | None) -> tuple[np.ndarray, Counted]:
    """`split_left_right` of one image or volume, and what is counted in it, looked for once."""
    volume = mask.astype(bool)[None] if mask.ndim == 2 else mask.astype(bool)
    labels, sizes = np.zeros(volume.shape, np.uint8), np.zeros(0, np.intp)
    box = bounding_box(volume)
    if box is not None:
        sizes = _label_sides(labels, volume, box, row_direction)
    right = int(np.count_nonzero(labels == RIGHT))
    return labels.reshape(mask.shape), (right, int(sizes.sum()) - right, sizes)


def _label_sides(
    labels: np.ndarray, volume: np.ndarray, box: tuple[slice, ...], row_direction: str | None
) -> np.ndarray:
    """Write RIGHT and LEFT into `labels` where `volume` is; returns the sizes of its parts."""
    rows = (*box[:2], slice(None))  # where the image's middle is decides, so all columns stay
    part = volume[rows]
    left, sizes = _left_of_cut(part, box[2])
    labels[rows] = labels_of_sides(part, left, row_direction)
    return sizes


def labels_of_sides(mask: np.ndarray, left: np.ndarray, row_direction: str | None) -> np.ndarray:
    """RIGHT and LEFT where `mask` is. left : bool, what of it belongs to the lung on the image's left."""
    on_the_right = left == is_right_lung_on_the_left(row_direction)
    return np.asarray(np.where(on_the_right, np.uint8(RIGHT), np.uint8(LEFT)) * mask)


def _left_of_cut(volume: np.ndarray, columns: slice) -> tuple[np.ndarray, np.ndarray]:
    """(bool like `volume` (Z, Y, X), True where a pixel belongs to the lung on the image's left; sizes of its
    parts). columns : those that hold all of it; it is not empty."""
    within, big = volume[:, :, columns], volume
    large, sizes = without_small_parts(within, _SPECK)
    if large is not within:
        big = np.zeros(volume.shape, bool)
        big[:, :, columns] = large
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
