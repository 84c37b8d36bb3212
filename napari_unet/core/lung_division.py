"""Which lung a voxel of a CT mask belongs to, where the mask holds both lungs as one label, or they touch.

The rule, in words: the spine is in the middle of what is bone behind the lungs. What lies farther than 45 mm
from it belongs to the lung of its side, or to the one that a network gives it to. Between, the lungs are
divided by the surface of least area through the mask, where a square millimetre counts the less, the denser
the tissue is that the surface runs through: two lungs touch along a membrane (the anterior and the posterior
junction line), which is denser than lung. The surface of least area is a minimum cut (Boykov and Kolmogorov
2003, "Computing geodesics and minimal surfaces via graph cuts").
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from napari_unet.core.lung_sides import labels_of_sides
from napari_unet.core.masks import bounding_box, neighbours
from napari_unet.core.spine import mm_from_spine

_BAND_MM = 45.0  # on either side of the spine: the lungs touch inside of it
_LUNG_HU, _FADE_HU, _LEAST = -800.0, 150.0, 0.05  # tissue as light as lung costs all, denser tissue less
_STEPS = 1000  # capacities are whole numbers: so many make up a square millimetre through air


def divide_lungs(
    mask: np.ndarray, hounsfield: np.ndarray, spacing_mm: tuple[float, ...], row_direction: str | None
) -> np.ndarray:
    """uint8 (Z, Y, X): 1 = the patient's right lung, 2 = the patient's left lung, 0 elsewhere.

    mask : bool, both lungs. hounsfield : the CT, Y towards the patient's back. spacing_mm : one per axis.
    row_direction : as for `split_left_right`. An empty mask stays empty.
    """
    if not mask.any():
        return np.zeros(mask.shape, np.uint8)
    aside = mm_from_spine(mask, hounsfield, spacing_mm)
    left = np.broadcast_to((aside < 0)[:, None, :], mask.shape)
    left = side_of_membrane(mask, left, hounsfield, spacing_mm, aside)
    return labels_of_sides(mask, left, row_direction)


def side_of_membrane(
    mask: np.ndarray,
    first: np.ndarray,
    hounsfield: np.ndarray,
    spacing_mm: tuple[float, ...],
    aside: np.ndarray,
) -> np.ndarray:
    """bool (Z, Y, X): which voxels of two lungs are the first lung's, where that is said of each voxel.

    Near the spine, where the lungs may touch, the surface through the membrane between them decides; farther
    away, in pieces that touch nothing there, and outside of `mask` all is as in `first`.
    mask, hounsfield, spacing_mm : as for `divide_lungs`. first : bool, what is the first lung's by its side,
    or by a network. aside : as `mm_from_spine` gives it.
    """
    box = bounding_box(mask)
    if box is None:
        return first
    side = first.copy()
    side[box] = _side_of_surface(mask[box], hounsfield[box], spacing_mm, aside[box[0], box[2]], first[box])
    return side


def _side_of_surface(
    mask: np.ndarray,
    hounsfield: np.ndarray,
    spacing_mm: tuple[float, ...],
    aside: np.ndarray,
    first: np.ndarray,
) -> np.ndarray:
    """bool like `mask` (Z, Y, X): True on one side of the surface, on which `first` is, far from the spine.

    aside : (Z, X), mm from the spine.
    """
    side = np.array(first)
    inner = mask & (np.abs(aside) <= _BAND_MM)[:, None, :]
    if not inner.any():
        return side
    number = np.zeros(mask.shape, np.intp)  # of a node: 0 all that is the first's, 1 all that is the other's
    number[mask & ~first] = 1
    count = int(np.count_nonzero(inner))
    number[inner] = np.arange(2, count + 2)
    light = np.exp(-np.maximum(hounsfield.astype(np.float32) - _LUNG_HU, 0) / _FADE_HU)
    area = np.prod(spacing_mm) / np.array(spacing_mm)
    one, other, weights = [], [], []
    for axis, (a, b) in enumerate(neighbours(3)):
        joined = mask[a] & mask[b] & (inner[a] | inner[b])
        one.append(number[a][joined])
        other.append(number[b][joined])
        cost = np.maximum(np.minimum(light[a][joined], light[b][joined]), _LEAST) * area[axis]
        weights.append(np.maximum(1, np.rint(cost * _STEPS)).astype(np.int64))
    rows, columns, capacity = (np.concatenate(part) for part in (one, other, weights))
    both = (np.concatenate([rows, columns]), np.concatenate([columns, rows]))
    graph = sparse.coo_matrix((np.concatenate([capacity, capacity]), both), shape=(count + 2, count + 2))
    graph = graph.tocsr().astype(np.int32)
    flow = csgraph.maximum_flow(graph, 0, 1).flow
    rest = graph - flow
    rest.data = np.maximum(rest.data, 0)
    rest.eliminate_zeros()
    reached = np.zeros(count + 2, bool)
    reached[csgraph.breadth_first_order(rest, 0, return_predecessors=False)] = True
    joined_to = csgraph.connected_components(graph, directed=False)[1]
    nodes = np.arange(2, count + 2)
    alone = (joined_to[nodes] != joined_to[0]) & (joined_to[nodes] != joined_to[1])
    side[inner] = np.where(alone, side[inner], reached[nodes])
    return side
