"""Which lung a voxel of a CT mask belongs to, where the mask holds both lungs as one label.

The rule, in words: the spine is in the middle of what is bone behind the lungs. What lies farther than 45 mm
from it belongs to the lung of its side. Between, the lungs are divided by the surface of least area through
the mask, where a square millimetre counts the less, the denser the tissue is that the surface runs through:
two lungs touch along a membrane (the anterior and the posterior junction line), which is denser than lung.
The surface of least area is a minimum cut (Boykov and Kolmogorov 2003, "Computing geodesics and minimal
surfaces via graph cuts").
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from napari_unet.core.lung_sides import labels_of_sides
from napari_unet.core.masks import bounding_box, neighbours

_BONE_HU = 200.0
_BAND_MM = 45.0  # on either side of the spine: the lungs touch inside of it
_BEHIND_MM = 25.0  # how far behind the lungs bone is looked for; before them, the back half of the lungs
_SPINE_MM = 30.0  # half the width of what is the spine: ribs begin beside it
_ALONG_MM = 60.0  # the midline of a slice is the median over as much of the spine
_FEW_BONE = 20  # voxels of bone in a slice, under which it does not say where the spine is
_LUNG_HU, _FADE_HU, _LEAST = -800.0, 150.0, 0.05  # tissue as light as lung costs all, denser tissue less
_STEPS = 1000  # capacities are whole numbers: so many make up a square millimetre through air


def divide_lungs(
    mask: np.ndarray, hounsfield: np.ndarray, spacing_mm: tuple[float, ...], row_direction: str | None
) -> np.ndarray:
    """uint8 (Z, Y, X): 1 = the patient's right lung, 2 = the patient's left lung, 0 elsewhere.

    mask : bool, both lungs. hounsfield : the CT, Y towards the patient's back. spacing_mm : one per axis.
    row_direction : as for `split_left_right`. An empty mask stays empty.
    """
    labels = np.zeros(mask.shape, np.uint8)
    box = bounding_box(mask)
    if box is None:
        return labels
    middle = spine_columns(mask, hounsfield, spacing_mm)
    left = _left_of_surface(mask[box], hounsfield[box], spacing_mm, middle[box[0]] - box[2].start)
    labels[box] = labels_of_sides(mask[box], left, row_direction)
    return labels


def spine_columns(mask: np.ndarray, hounsfield: np.ndarray, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """float (Z,): for each slice the column in the middle of the spine.

    Arguments as of `divide_lungs`, the mask not empty. It is where most bone is behind the middle of the
    lungs, in all slices together first and then in each near that. Without bone it is the middle of what the
    lungs take up.
    """
    box = bounding_box(mask)
    if box is None:
        raise ValueError("an empty mask has no spine behind it")
    height, width = spacing_mm[1:]
    rows = slice(
        (box[1].start + box[1].stop) // 2, min(mask.shape[1], box[1].stop + round(_BEHIND_MM / height))
    )
    bone = (hounsfield[:, rows] > _BONE_HU).sum(axis=1).astype(float)  # (Z, X)
    columns = np.arange(mask.shape[2])
    every = bone[box[0]].sum(axis=0)
    most = ndimage.uniform_filter1d(every, 2 * round(_SPINE_MM / width) + 1, mode="constant")
    start = float(most.argmax()) if every.any() else (box[2].start + box[2].stop - 1) / 2
    whole = _settled(every, columns, start, width)
    found = np.array(
        [_settled(row, columns, whole, width) if row.sum() >= _FEW_BONE else np.nan for row in bone]
    )
    found[np.isnan(found)] = whole
    size = 2 * round(_ALONG_MM / spacing_mm[0] / 2) + 1
    return np.asarray(ndimage.median_filter(found, size=size, mode="nearest"))


def _settled(bone: np.ndarray, columns: np.ndarray, start: float, width: float) -> float:
    """The mean column of the bone around it, from `start` on; `start` where there is none."""
    at = start
    for _ in range(20):
        weight = bone * (np.abs(columns - at) * width <= _SPINE_MM)
        if not weight.any():
            return start
        moved = float((weight * columns).sum() / weight.sum())
        if abs(moved - at) < 0.01:
            return moved
        at = moved
    return at


def _left_of_surface(
    mask: np.ndarray, hounsfield: np.ndarray, spacing_mm: tuple[float, ...], middle: np.ndarray
) -> np.ndarray:
    """bool like `mask` (Z, Y, X): True on the image's left of the surface. middle : (Z,), the spine."""
    aside = (np.arange(mask.shape[2])[None, :] - middle[:, None]) * spacing_mm[2]  # mm, (Z, X)
    left = np.broadcast_to((aside < 0)[:, None, :], mask.shape).copy()
    inner = mask & (np.abs(aside) <= _BAND_MM)[:, None, :]
    if not inner.any():
        return left
    number = np.zeros(mask.shape, np.intp)  # of a node: 0 all on the left, 1 all on the right
    number[mask & (aside > 0)[:, None, :]] = 1
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
    left[inner] = np.where(alone, left[inner], reached[nodes])
    return left
