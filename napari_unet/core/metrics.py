"""How well two masks agree: Dice, IoU, and distances between their borders.

A mask's border is its pixels with a neighbour (by a face) outside the mask; beyond the image is outside.
Dice, `hd95` and `assd` agree with MONAI's DiceMetric, HausdorffDistanceMetric(percentile=95) and
SurfaceDistanceMetric(symmetric=True) wherever both masks hold something. For empty masks see each function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial import KDTree

from napari_unet.core.masks import bounding_box


@dataclass(frozen=True)
class Scores:
    """Agreement of a mask with its reference; distances in `unit`. nan where there is no answer."""

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

    mask, reference : bool, same shape. ignore : bool, True where pixels are left out.
    Returns nan if both are empty (nothing to agree on; MONAI: nan with ignore_empty, else 1), and 0 if only
    one of them is (MONAI's ignore_empty gives nan if that one is the reference).
    Raises ValueError if the shapes differ.
    """
    both, a, b = _overlap(mask, reference, ignore)
    return 2 * both / (a + b) if a + b else float("nan")


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
    ignore : bool, True where borders are left out.
    Returns nan if either mask is empty or all of its border is ignored: there is nothing to measure from.
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

    One direction only. Empty if either mask is empty or all of its border is ignored.
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
    if not len(ours) or not len(theirs):
        return np.empty(0), np.empty(0)
    both = [np.ravel_multi_index(tuple(points.T), mask.shape) for points in (ours, theirs)]
    shared = [np.isin(one, other, assume_unique=True) for one, other in (both, both[::-1])]
    return _distances(ours, theirs, shared[0], steps), _distances(theirs, ours, shared[1], steps)


def _distances(points: np.ndarray, others: np.ndarray, shared: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """From each of `points` to the nearest of `others`; 0 where it is one of them, which is known at once."""
    distances = np.zeros(len(points))
    if not shared.all():
        tree = KDTree(others * steps, compact_nodes=False, balanced_tree=False)
        distances[~shared], _ = tree.query(points[~shared] * steps)
    return distances


def _border_points(mask: np.ndarray, ignore: np.ndarray | None) -> np.ndarray:
    """Indices (n, ndim) of the border pixels."""
    box = bounding_box(mask)
    if box is None:
        return np.empty((0, mask.ndim))
    part = mask[box].astype(bool)
    inside = part.copy()
    for axis in range(part.ndim):
        within, of = np.moveaxis(inside, axis, 0), np.moveaxis(part, axis, 0)
        within[1:] &= of[:-1]
        within[:-1] &= of[1:]
        within[[0, -1]] = False
    border = part & ~inside
    if ignore is not None:
        border &= ~ignore[box].astype(bool)
    return np.asarray(np.argwhere(border) + [b.start for b in box])


def _hd95(there: np.ndarray, back: np.ndarray) -> float:
    if not len(there):
        return float("nan")
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


def _assd(there: np.ndarray, back: np.ndarray) -> float:
    return float(np.concatenate([there, back]).mean()) if len(there) else float("nan")


def _overlap(mask: np.ndarray, reference: np.ndarray, ignore: np.ndarray | None) -> tuple[int, int, int]:
    """Pixels in both, in the mask and in the reference, the ignored ones left out."""
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
