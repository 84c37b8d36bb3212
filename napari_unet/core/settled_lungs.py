"""What Hounsfield units settle in a mask of two lungs: where one ends and the other begins, and the airways.

In front of the heart and behind it the lungs may lie against each other. There a network tells them apart by
place, and is wrong where one lung reaches over to the other side; the membrane between them shows it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from napari_unet.core.airways import main_airways
from napari_unet.core.lung_division import side_of_membrane
from napari_unet.core.masks import neighbours
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.resize import resized
from napari_unet.core.spine import mm_from_spine
from napari_unet.core.volume_labels import likeliest_labels

_SLICES_MM = 2.5  # thinner slices are looked at by turns: little changes from one to the next


def settled_lungs(raster: Raster, found: Prediction) -> Prediction:
    """`found` without trachea and main bronchi, and with each lung on its side of the membrane between them.

    raster : the volume, in Hounsfield units, of axial slices that lie as usual (core.standing). found : its
    prediction; returned as it is unless its labels are two lungs that are cleaned together
    (`MaskRule.both_lungs`). Where the membrane says so the probabilities of the two are exchanged; in airways
    no label has any.
    """
    is_pair = found.is_volume and found.rule.both_lungs and len(found.maps) == 2
    if not is_pair or found.grid_spacing is None:
        return found
    step = max(1, round(_SLICES_MM / found.grid_spacing[0]))
    some = found.maps[:, ::step]
    mask, first = likeliest_labels(some, (1, 2), found.threshold) > 0, some[0] >= some[1]
    if not mask.any():
        return found
    hounsfield = np.stack([_on_grid(raster, found, z) for z in range(0, found.planes, step)])
    spacing = (found.grid_spacing[0] * step, *found.grid_spacing[1:])
    aside = mm_from_spine(mask, hounsfield, spacing)
    airways = main_airways(mask, hounsfield, spacing, aside)
    side = first
    if _touch(mask & first, mask & ~first):
        side = side_of_membrane(mask, first, hounsfield, spacing, aside)
    maps = found.maps.copy()
    for k in np.flatnonzero(((side != first) | airways).any(axis=(1, 2))).tolist():
        nearest = tuple(ndimage.distance_transform_edt(~mask[k], return_distances=False, return_indices=True))
        moved, now_first = (side[k] != first[k])[nearest], side[k][nearest]
        for z in range(k * step, min((k + 1) * step, found.planes)):
            own = found.maps[:, z]
            other_way = moved & ((own[0] >= own[1]) != now_first)
            maps[:, z] = np.where(airways[k], 0, np.where(other_way, own[::-1], own))
    return replace(found, maps=maps)


def _touch(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether any voxel of one has a face against the other."""
    return any((one[a] & other[b]).any() or (one[b] & other[a]).any() for a, b in neighbours(one.ndim))


def _on_grid(raster: Raster, found: Prediction, z: int) -> np.ndarray:
    """int16 (y, x): slice z where the maps lie, at their size."""
    plane = raster.pixels[z]
    if found.boxes:
        plane = plane[found.boxes[z]]
    return resized(plane, (found.maps.shape[-2], found.maps.shape[-1])).astype(np.int16)
