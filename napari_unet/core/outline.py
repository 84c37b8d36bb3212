"""The rim of every label, so that a mask can be shown without hiding what lies under it."""

from __future__ import annotations

import numpy as np


def outline(labels: np.ndarray, thickness: int, background: int = 0) -> np.ndarray:
    """Only the outermost `thickness` pixels of every label; the rest becomes `background`.

    labels : integers or bool, any number of axes. thickness : in pixels, counted in 4-neighbour steps (6 in
    3D), at least 1. Where two labels touch, both get their rim; where a label touches the border of the image
    there is none.
    Returns an array of the same shape and dtype.
    """
    if thickness < 1:
        raise ValueError(f"thickness must be at least 1, got {thickness}")
    rim = np.zeros(labels.shape, bool)
    for before, after in _neighbours(labels.ndim):
        differs = labels[before] != labels[after]
        rim[before] |= differs
        rim[after] |= differs
    for _ in range(thickness - 1):
        grown = rim.copy()
        for before, after in _neighbours(labels.ndim):
            grown[before] |= rim[after]
            grown[after] |= rim[before]
        rim = grown
    return np.where(rim, labels, labels.dtype.type(background))


def _neighbours(ndim: int) -> list[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """For every axis, the views of all pixels but the last and of all but the first along it."""
    every = (slice(None),) * ndim
    return [((*every[:axis], slice(None, -1)), (*every[:axis], slice(1, None))) for axis in range(ndim)]
