"""Areas, volumes and left/right ratio of a lung mask, only in units that are known."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from napari_unet.core.lung_sides import split_left_right
from napari_unet.core.orientation import sides
from napari_unet.core.raster import RADIOGRAPHS, Modality

IN_PIXELS = "Pixel size unknown: sizes are in pixels."
"""Beside sizes of an image whose spacing nobody knows."""


@dataclass(frozen=True)
class Measures:
    """What a mask measures. None means that it cannot be known; nothing is guessed.

    pixels, right_pixels, left_pixels : mask pixels in all, in the patient's right and in the left lung.
    area_mm2, right_mm2, left_mm2 : of a 2D mask whose spacing is known. On a radiograph this is the lung's
        shadow, enlarged by the distance between patient and detector.
    ratio : left over right lung, where the spacing is known and there is a right lung.
    volume_ml, right_ml, left_ml : of a volume whose spacing is known; a stack of radiographs is not a volume.
    mean_hu : mean of the finite pixels under the mask of a CT.
    sides_assumed : True if nothing says which side of the image is the patient's right.
    """

    pixels: int
    right_pixels: int
    left_pixels: int
    area_mm2: float | None
    right_mm2: float | None
    left_mm2: float | None
    ratio: float | None
    volume_ml: float | None
    right_ml: float | None
    left_ml: float | None
    mean_hu: float | None
    sides_assumed: bool


def measure(
    mask: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    row_direction: str | None = None,
    pixels: np.ndarray | None = None,
    modality: Modality = Modality.UNKNOWN,
    labels: np.ndarray | None = None,
) -> Measures:
    """Measures of a bool mask (Y, X) or (Z, Y, X); spacing_mm and row_direction as in Raster.

    pixels : the image, same shape, for `mean_hu` of a CT. modality CR or DX says that a (Z, Y, X) mask is a
    stack of radiographs: its sides are distinguished slice by slice.
    labels : 1 in the patient's right lung, 2 in the left one, where they are known already.
    """
    if spacing_mm is not None and len(spacing_mm) != mask.ndim:
        raise ValueError(f"spacing {spacing_mm} does not fit shape {mask.shape}")
    if pixels is not None and pixels.shape != mask.shape:
        raise ValueError(f"image and mask differ in shape: {pixels.shape} and {mask.shape}")
    stack = mask.ndim == 3 and modality in RADIOGRAPHS
    if labels is None:
        labels = split_left_right(mask, row_direction, per_slice=stack)
    right, left = (int(np.count_nonzero(labels == lung)) for lung in (1, 2))
    element = None if spacing_mm is None else prod(spacing_mm)
    area = element if mask.ndim == 2 else None
    volume = element if mask.ndim == 3 and not stack else None
    return Measures(
        pixels=right + left,
        right_pixels=right,
        left_pixels=left,
        area_mm2=None if area is None else area * (right + left),
        right_mm2=None if area is None else area * right,
        left_mm2=None if area is None else area * left,
        ratio=left / right if right and element is not None else None,
        volume_ml=None if volume is None else volume * (right + left) / 1000,
        right_ml=None if volume is None else volume * right / 1000,
        left_ml=None if volume is None else volume * left / 1000,
        mean_hu=_mean_hu(mask, pixels) if modality == Modality.CT else None,
        sides_assumed=sides(row_direction).assumed,
    )


def _mean_hu(mask: np.ndarray, pixels: np.ndarray | None) -> float | None:
    if pixels is None:
        return None
    values = pixels[mask.astype(bool)].astype(np.float64)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else None
