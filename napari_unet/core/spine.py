"""The midline of a chest in CT: where the spine is."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_unet.core.masks import bounding_box

_BONE_HU = 200.0
_BEHIND_MM = 25.0  # how far behind the lungs bone is looked for; before them, the back half of the lungs
_SPINE_MM = 30.0  # half the width of what is the spine: ribs begin beside it
_ALONG_MM = 60.0  # the midline of a slice is the median over as much of the spine
_FEW_BONE = 20  # voxels of bone in a slice, under which it does not say where the spine is


def spine_columns(mask: np.ndarray, hounsfield: np.ndarray, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """float (Z,): for each slice the column in the middle of the spine.

    mask : bool, both lungs, not empty. hounsfield : the CT, Y towards the patient's back. spacing_mm : one
    per axis. It is where most bone is behind the middle of the lungs, in all slices together first and then
    in each near that. Without bone it is the middle of what the lungs take up.
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


def mm_from_spine(mask: np.ndarray, hounsfield: np.ndarray, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """float (Z, X): how far each column is from the middle of the spine, negative on the image's left.

    Arguments as for `spine_columns`.
    """
    middle = spine_columns(mask, hounsfield, spacing_mm)
    return np.asarray((np.arange(mask.shape[2])[None, :] - middle[:, None]) * spacing_mm[2])


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
