"""How well two masks agree: Dice, IoU, and distances between their borders.

A mask's border is its pixels with a neighbour (by a face) outside the mask; beyond the image is outside.
Where pixels are ignored nobody knows where a mask ends: its pixels next to them are not a border, unless they
have another neighbour that is outside.
Dice, `hd95` and `assd` agree with MONAI's DiceMetric, HausdorffDistanceMetric(percentile=95) and
SurfaceDistanceMetric(symmetric=True) wherever both masks hold something. For empty masks see each function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial import KDTree

from napari_unet.core.label_set import LabelSet
from napari_unet.core.labels import IGNORE
from napari_unet.core.masks import bounding_box


@dataclass(frozen=True)
class Scores:
    """Agreement of a mask with its reference. nan where a score is undefined.

    Parameters
    ----------
    dice, iou : float
        From 0 to 1.
    hd95, assd : float
        95th percentile and mean of the distances between the two borders, in `unit`.
    unit : str
        Unit of the distances: "mm" or "px".
    """

    dice: float
    iou: float
    hd95: float
    assd: float
    unit: Literal["mm", "px"]


def scores(
    mask: np.ndarray,
    reference: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    ignore: np.ndarray | None = None,
) -> Scores:
    """All scores at once; the borders are measured only once. Arguments and nan rules as in each function."""
    there, back = _both_ways(mask, reference, spacing_mm, ignore)
    return Scores(
        dice=dice(mask, reference, ignore),
        iou=iou(mask, reference, ignore),
        hd95=_hd95(there, back),
        assd=_assd(there, back),
        unit="px" if spacing_mm is None else "mm",
    )


def dice(mask: np.ndarray, reference: np.ndarray, ignore: np.ndarray | None = None) -> float:
    """2 |A and B| / (|A| + |B|), 0..1.

    mask, reference : bool, same shape. ignore : bool, True where pixels are ignored.
    Returns nan if both are empty (nothing to agree on; MONAI: nan with ignore_empty, else 1), and 0 if only
    one of them is (MONAI's ignore_empty gives nan if that one is the reference).
    Raises ValueError if the shapes differ.
    """
    both, a, b = _overlap(mask, reference, ignore)
    return 2 * both / (a + b) if a + b else float("nan")


def dice_of_labels(mask: np.ndarray, reference: np.ndarray, known: LabelSet) -> tuple[float, ...]:
    """`dice` of each label of `known`. mask, reference : labels; what is IGNORE in the second is ignored."""
    ignore = reference == IGNORE
    return tuple(dice(mask == value, reference == value, ignore) for value in known.values)


def iou(mask: np.ndarray, reference: np.ndarray, ignore: np.ndarray | None = None) -> float:
    """|A and B| / |A or B|, 0..1; arguments and nan rule as `dice`."""
    both, a, b = _overlap(mask, reference, ignore)
    return both / (a + b - both) if a + b else float("nan")


def hd95(
    mask: np.ndarray,
    reference: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    ignore: np.ndarray | None = None,
) -> float:
    """95th percentile of the distances between the borders, the larger of the two directions, in mm.

    mask, reference : bool, same shape (Y, X) or (Z, Y, X). spacing_mm : one per axis; None gives pixels.
    ignore : bool, True where pixels are ignored: no distance is measured from there, nor along its rim.
    Returns nan if either mask is empty, or neither has a border that counts: there is nothing to measure.
    Raises ValueError if the shapes differ.
    """
    return _hd95(*_both_ways(mask, reference, spacing_mm, ignore))


def assd(
    mask: np.ndarray,
    reference: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    ignore: np.ndarray | None = None,
) -> float:
    """Mean distance between the borders, over all border pixels of both masks; all else as `hd95`."""
    return _assd(*_both_ways(mask, reference, spacing_mm, ignore))


def surface_distances(
    mask: np.ndarray,
    reference: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    ignore: np.ndarray | None = None,
) -> np.ndarray:
    """float64, from every border pixel of `mask` to the nearest border pixel of `reference`; else as `hd95`.

    One direction only. A border pixel beyond which `reference` goes on into what is ignored counts as near.
    Empty if either mask is empty, or `mask` has no border that counts.
    """
    return _both_ways(mask, reference, spacing_mm, ignore)[0]


def _both_ways(
    mask: np.ndarray,
    reference: np.ndarray,
    spacing_mm: tuple[float, ...] | None,
    ignore: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    _check_shapes(mask, reference, ignore)
    if spacing_mm is not None and len(spacing_mm) != mask.ndim:
        raise ValueError(f"spacing {spacing_mm} does not fit shape {mask.shape}")
    steps = np.asarray(spacing_mm or (1.0,) * mask.ndim, np.float64)
    ours, theirs = (_border_points(m, ignore) for m in (mask, reference))
    return _distances(*ours[:1], *theirs, steps), _distances(*theirs[:1], *ours, steps)


def _distances(points: np.ndarray, others: np.ndarray, hidden: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """From each of `points` to the nearest of `others` and `hidden`; 0 where it is one of them.

    points, others, hidden : int (n, ndim), each row once.
    """
    others = np.concatenate([others, hidden]) if len(hidden) else others
    if not len(points) or not len(others):
        return np.empty(0)
    far = points.max(axis=0).clip(others.max(axis=0)) + 1
    mine, theirs = (np.ravel_multi_index(tuple(of.T), tuple(far)) for of in (points, others))
    apart = ~np.isin(mine, theirs, assume_unique=True)
    distances = np.zeros(len(points))
    if apart.any():
        tree = KDTree(others * steps, compact_nodes=False, balanced_tree=False)
        distances[apart], _ = tree.query(points[apart] * steps)
    return distances


def _border_points(mask: np.ndarray, ignore: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Indices (n, ndim) of the border pixels, and of those that have a neighbour that is ignored instead.

    Behind the latter the mask may go on or end: nothing is measured from there, but what is near is not far
    from the mask.
    """
    mask = mask.astype(bool)
    left_out = None if ignore is None else ignore.astype(bool)
    counted = mask if left_out is None else mask & ~left_out
    box = bounding_box(counted)
    if box is None:
        return np.empty((0, mask.ndim), np.intp), np.empty((0, mask.ndim), np.intp)
    wide = tuple(slice(max(0, part.start - 1), part.stop + 1) for part in box)
    part, first = counted[wide], [axis.start for axis in wide]
    if left_out is None:
        return np.argwhere(part & ~_inner(part)) + first, np.empty((0, mask.ndim), np.intp)
    border = part & ~_inner(part | left_out[wide])
    hidden = part & ~_inner(part) & ~border
    return np.argwhere(border) + first, np.argwhere(hidden) + first


def _inner(mask: np.ndarray) -> np.ndarray:
    """The pixels all of whose neighbours (by a face) are in the mask; beyond the array nothing is."""
    inside = mask.copy()
    for axis in range(mask.ndim):
        within, of = np.moveaxis(inside, axis, 0), np.moveaxis(mask, axis, 0)
        within[1:] &= of[:-1]
        within[:-1] &= of[1:]
        within[[0, -1]] = False
    return inside


def _hd95(there: np.ndarray, back: np.ndarray) -> float:
    return max((float(np.percentile(way, 95)) for way in (there, back) if len(way)), default=float("nan"))


def _assd(there: np.ndarray, back: np.ndarray) -> float:
    both = np.concatenate([there, back])
    return float(both.mean()) if len(both) else float("nan")


def _overlap(mask: np.ndarray, reference: np.ndarray, ignore: np.ndarray | None) -> tuple[int, int, int]:
    """Pixels in both, in the mask and in the reference, without the ignored ones."""
    _check_shapes(mask, reference, ignore)
    a, b = mask.astype(bool), reference.astype(bool)
    if ignore is not None:
        counted = ~ignore.astype(bool)
        a, b = a & counted, b & counted
    return int(np.count_nonzero(a & b)), int(np.count_nonzero(a)), int(np.count_nonzero(b))


def _check_shapes(mask: np.ndarray, reference: np.ndarray, ignore: np.ndarray | None) -> None:
    if mask.shape != reference.shape:
        raise ValueError(f"masks differ in shape: {mask.shape} and {reference.shape}")
    if ignore is not None and ignore.shape != mask.shape:
        raise ValueError(f"the ignored area differs in shape: {ignore.shape} and {mask.shape}")
