"""Edits of a mask's shape: holes, parts, smoothing, growing and shrinking."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_unet.core.change import Change
from napari_unet.core.labels import lung
from napari_unet.core.lung_labels import change_in, grown_box, no_change, with_lung
from napari_unet.core.masks import MaskRule, bounding_box, clean, fill_holes, part_sizes


def fill_holes_change(labels: np.ndarray) -> Change:
    """Closes every hole of the lungs, with the label around it. labels : uint8 (Y, X) or (Z, Y, X)."""
    box = _lung_box(labels)
    if box is None:
        return no_change(labels)
    old = labels[box]
    return change_in(labels, box, with_lung(old, fill_holes(lung(old))))


def keep_largest(labels: np.ndarray, parts: int = 2) -> Change:
    """Takes all but the `parts` largest parts away, whatever their labels; parts are joined by faces.

    Where both lungs are distinguished by their labels, each keeps its share of `parts`, at least one: lungs
    that touch remain two. labels : uint8 (Y, X) or (Z, Y, X).
    """
    if parts < 1:
        raise ValueError(f"at least one part must be kept, got {parts}")
    box = _lung_box(labels)
    if box is None:
        return no_change(labels)
    old = labels[box]
    present = np.unique(old[lung(old)])
    new = old.copy()
    for label in present:
        marked, sizes = part_sizes(old == label)
        keep = np.zeros(len(sizes), bool)
        keep[np.argsort(-sizes, kind="stable")[: max(1, parts // len(present))]] = True
        new[(old == label) & ~keep[marked]] = 0
    return change_in(labels, box, new)


def smooth_border(labels: np.ndarray, mm: float, spacing: tuple[float, ...] | None) -> Change:
    """Rounds the lungs' borders off, with a filter of standard deviation `mm` (pixels without `spacing`).

    A narrow gap between two lungs stays open, and what is thin but long stays (see core/masks.py).
    """
    _check_spacing(labels, spacing)
    reach = tuple(int(np.ceil(3 * mm / step)) + 1 for step in spacing or (1.0,) * labels.ndim)
    box = _lung_box(labels, reach)
    if box is None:
        return no_change(labels)
    old = labels[box]
    rule = MaskRule(largest_parts=0, fill_holes=False, smoothing=mm, per_slice=False)
    return change_in(labels, box, with_lung(old, clean(lung(old), rule, spacing)))


def grow(labels: np.ndarray, mm: float, spacing: tuple[float, ...] | None) -> Change:
    """Moves the lungs' border outwards by `mm` (inwards if negative); pixels without `spacing`.

    labels : uint8 (Y, X) or (Z, Y, X). A new pixel takes the label of the nearest lung. The edge of the image
    is not a border: a lung that is cut off there does not shrink away from it, nor from pixels to be ignored.
    """
    _check_spacing(labels, spacing)
    steps = spacing or (1.0,) * labels.ndim
    box = _lung_box(labels, tuple(int(np.ceil(abs(mm) / step)) + 1 for step in steps))
    if box is None or mm == 0:
        return no_change(labels)
    old = labels[box]
    if mm < 0:
        depth = ndimage.distance_transform_edt(old > 0, sampling=steps) if (old == 0).any() else np.inf
        return change_in(labels, box, np.where(depth > -mm, old, 0))
    away, near = ndimage.distance_transform_edt(~lung(old), sampling=steps, return_indices=True)
    return change_in(labels, box, np.where(away <= mm, old[tuple(near)], old))


def _lung_box(labels: np.ndarray, reach: tuple[int, ...] | None = None) -> tuple[slice, ...] | None:
    """What the lungs take up, with `reach` pixels more on every side; None if there are none."""
    box = bounding_box(lung(labels))
    return box if box is None or reach is None else grown_box(box, reach, labels.shape)


def _check_spacing(labels: np.ndarray, spacing: tuple[float, ...] | None) -> None:
    if spacing is not None and len(spacing) != labels.ndim:
        raise ValueError(f"spacing {spacing} does not fit shape {labels.shape}")
