"""The rim of every label, so that a mask can be shown without hiding what lies under it."""

from __future__ import annotations

import numpy as np

from napari_unet.core.masks import neighbours


def outline(labels: np.ndarray, thickness: int, background: int = 0) -> np.ndarray:
    """Only the outermost `thickness` pixels of every label; the rest becomes `background`.

    labels : integers or bool, any number of axes. thickness : in pixels, counted in 4-neighbour steps (6 in
    3D), at least 1. Where two labels touch, both get their rim; where a label touches the border of the image
    there is none.
    Returns an array of the same shape and dtype.
    """
    if thickness < 1:
        raise ValueError(f"thickness must be at least 1, got {thickness}")
    result = np.full_like(labels, background)
    inside = _bounding_box(labels != background)
    result[inside] = np.where(_rim(labels[inside], thickness), labels[inside], result[inside])
    return result


def _rim(labels: np.ndarray, thickness: int) -> np.ndarray:
    """Pixels at most `thickness` - 1 steps from one that has a neighbour of another value."""
    rim = np.zeros(labels.shape, bool)
    for before, after in neighbours(labels.ndim):
        differs = labels[before] != labels[after]
        rim[before] |= differs
        rim[after] |= differs
    for _ in range(thickness - 1):
        grown = rim.copy()
        for before, after in neighbours(labels.ndim):
            grown[before] |= rim[after]
            grown[after] |= rim[before]
        rim = grown
    return rim


def _bounding_box(mask: np.ndarray) -> tuple[slice, ...]:
    """Around all True pixels, with one to spare where the image has it; empty slices if there are none."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        hits = np.flatnonzero(mask.any(axis=others))
        box.append(slice(max(0, int(hits[0]) - 1), int(hits[-1]) + 2) if hits.size else slice(0, 0))
    return tuple(box)
