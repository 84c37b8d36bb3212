"""How well an image is divided into objects: by their borders, and by which pixels belong together.

A partition is an array of int: 0 is border, each region has a number of its own. The scores are those of
Arganda-Carreras et al. 2015, "Crowdsourcing the creation of image segmentation algorithms for connectomics",
Frontiers in Neuroanatomy 9:142; thinning of borders comes before, where the masks are made.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_unet.core.metrics import surface_distances


def objects_of(mask: np.ndarray) -> np.ndarray:
    """Number the objects of a mask: its parts that are connected by edges of pixels.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)

    Returns
    -------
    ndarray of int, shape (Y, X)
        0 outside, then 1, 2, ...
    """
    found: np.ndarray = ndimage.label(mask)[0]
    return found


def pixel_error(mask: np.ndarray, reference: np.ndarray) -> float:
    """Compute the share of pixels that differ, 0..1.

    Parameters
    ----------
    mask, reference : ndarray of bool, same shape

    Returns
    -------
    float
        nan for arrays without pixels.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    _check_shapes(mask, reference)
    return float(np.mean(mask.astype(bool) != reference.astype(bool))) if mask.size else float("nan")


def boundary_f1(mask: np.ndarray, reference: np.ndarray, tolerance_px: float = 2.0) -> float:
    """Compute the F1 score of two masks' borders (Csurka et al. 2013, "What is a good evaluation measure for
    semantic segmentation?", section 2.2).

    Precision is the share of the mask's border pixels that are within the tolerance of the reference's
    border, recall the other way round.

    Parameters
    ----------
    mask, reference : ndarray of bool, same shape
    tolerance_px : float
        In pixels, by the Euclidean distance.

    Returns
    -------
    float
        0..1. nan if both masks are empty, 0 if one of them is.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    _check_shapes(mask, reference)
    there, back = surface_distances(mask, reference), surface_distances(reference, mask)
    if not len(there) or not len(back):
        return 0.0 if mask.any() or reference.any() else float("nan")
    precision, recall = (float(np.mean(way <= tolerance_px)) for way in (there, back))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def rand_score(partition: np.ndarray, reference: np.ndarray) -> float:
    """Compute V_rand, the foreground-restricted Rand F-score (2015, equation 2, alpha 0.5).

    Of two pixels that are drawn at random: how likely both partitions put them together, over the mean of how
    likely each does.

    Parameters
    ----------
    partition, reference : ndarray of int, same shape
        Pixels that are border in the reference are left out. A border pixel of the other is a region of its
        own.

    Returns
    -------
    float
        0..1, 1 for the same regions. nan if the reference has none.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    both, one, other = _shares(partition, reference)
    if not len(both):
        return float("nan")
    together, ours, theirs = (float(np.square(shares).sum()) for shares in (both, one, other))
    return together / (0.5 * ours + 0.5 * theirs)


def information_score(partition: np.ndarray, reference: np.ndarray) -> float:
    """Compute V_info, the foreground-restricted information theoretic F-score (2015, equation 4, alpha 0.5).

    The information that the partitions share over the mean of what each holds.

    Parameters
    ----------
    partition, reference : ndarray of int, same shape
        As in `rand_score`.

    Returns
    -------
    float
        0..1, 1 for the same regions, also where both have one only. nan if the reference has none.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    both, one, other = _shares(partition, reference)
    if not len(both):
        return float("nan")
    joint, ours, theirs = (-float((shares * np.log(shares)).sum()) for shares in (both, one, other))
    held = 0.5 * ours + 0.5 * theirs
    return (ours + theirs - joint) / held if held > 1e-12 else 1.0


def _shares(partition: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What share of the reference's regions is in each pair of regions, in each of the partition's, and in
    each of the reference's."""
    _check_shapes(partition, reference)
    inside = reference > 0
    ours, theirs = partition[inside].astype(np.int64), reference[inside].astype(np.int64)
    border = ours == 0
    ours[border] = ours.max(initial=0) + 1 + np.arange(np.count_nonzero(border))
    pairs = ours * (theirs.max(initial=0) + 1) + theirs
    counts = (np.unique(values, return_counts=True)[1] for values in (pairs, ours, theirs))
    both, one, other = (count / max(len(ours), 1) for count in counts)
    return both, one, other


def _check_shapes(one: np.ndarray, other: np.ndarray) -> None:
    if one.shape != other.shape:
        raise ValueError(f"arrays differ in shape: {one.shape} and {other.shape}")
