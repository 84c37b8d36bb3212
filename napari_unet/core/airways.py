"""The trachea and the main bronchi in CT, where a mask of the lungs holds a piece of them.

The air of the trachea lies near the spine, between the lungs, over more slices than any other air that is no
lung (stomach, oesophagus). From there the lumen goes on into the mask; what of it is near is a main bronchus.
Farther on are the bronchi of the lobes, which are lung.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_unet.core.masks import bounding_box

_AIR_HU = -930.0  # air of a lumen; all but the most emphysematous lung is denser
_NEAR_SPINE_MM = 40.0
_TALLEST_MM = 40.0  # the trachea is 100 to 120 mm long; a scan, or the mask, may hide some of that
_INTO_MASK_MM = 20.0  # as far as a main bronchus goes on inside of a mask that leaves most of it out
_WALL_MM = 3.0
_MOST_ML = 15.0  # of lumen: more has leaked into the lung


def main_airways(
    mask: np.ndarray, hounsfield: np.ndarray, spacing_mm: tuple[float, ...], aside: np.ndarray
) -> np.ndarray:
    """bool (Z, Y, X): what of `mask` is main bronchus or trachea, lumen and wall.

    mask : bool, both lungs. hounsfield : the CT, Y towards the patient's back. spacing_mm : one per axis.
    aside : as `core.spine.mm_from_spine` gives it.
    The lumen is the air under −930 HU that joins the trachea, no farther than 20 mm from where the mask
    leaves it out. In the masks of ct-lung on LCTSC's seven volumes of train and val hardly any of it lay in
    the reference (0.03 of 17 mL). Nothing is found without a trachea.
    """
    found = np.zeros(mask.shape, bool)
    box = bounding_box(mask)
    if box is None:
        return found
    near = np.abs(aside) <= _NEAR_SPINE_MM
    steps = round((_INTO_MASK_MM + _WALL_MM) / spacing_mm[2]) + 1
    columns = np.flatnonzero(near.any(axis=0))
    middle = (slice(None), box[1], slice(max(0, columns[0] - steps), columns[-1] + steps + 1))
    lung, air = mask[middle], hounsfield[middle] < _AIR_HU
    outside, inside = air & ~lung & near[:, None, middle[2]], air & lung
    trachea = _tallest(outside, _TALLEST_MM / spacing_mm[0])
    if trachea is None:
        return found
    for _ in range(2):  # the mask may cut it in two
        joined = trachea | (inside & _within(trachea, _INTO_MASK_MM, spacing_mm))
        reached = ndimage.binary_propagation(trachea, mask=joined)
        trachea = ndimage.binary_propagation(reached, mask=reached | outside) & outside
    reached &= lung
    if np.count_nonzero(reached) * np.prod(spacing_mm) <= 1000 * _MOST_ML:
        found[middle] = _within(reached, _WALL_MM, spacing_mm) & lung
    return found


def _within(mask: np.ndarray, reach_mm: float, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """bool (Z, Y, X): what is no farther from `mask` than this, `mask` itself too."""
    near = np.zeros(mask.shape, bool)
    box = bounding_box(mask)
    if box is not None:
        reach = [int(reach_mm / mm) for mm in spacing_mm]
        part = tuple(slice(max(0, s.start - n), s.stop + n) for s, n in zip(box, reach, strict=True))
        near[part] = ndimage.distance_transform_edt(~mask[part], sampling=spacing_mm) <= reach_mm
    return near


def _tallest(air: np.ndarray, least: float) -> np.ndarray | None:
    """The part of `air` over most slices, if that is more than `least`; none that reaches the first row: air
    before the chest."""
    parts, count = ndimage.label(air)
    heights = np.array([box[0].stop - box[0].start for box in ndimage.find_objects(parts, count)], float)
    before = np.unique(parts[:, 0])
    heights[before[before > 0] - 1] = 0
    if not count or heights.max() <= least:
        return None
    return np.asarray(parts == heights.argmax() + 1)
