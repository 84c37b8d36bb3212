"""The picture for a report: the image with its mask outlined, label by label."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_unet.core.label_set import LUNGS as LUNG_LABELS
from napari_unet.core.label_set import LabelSet
from napari_unet.core.outline import outline
from napari_unet.core.palette import (
    BLUISH_GREEN,
    LEFT_LUNG,
    LUNGS,
    REDDISH_PURPLE,
    RIGHT_LUNG,
    YELLOW,
    label_colours,
)
from napari_unet.core.raster import Raster
from napari_unet.core.window import display_pixels
from napari_unet.io.pictures import write_png

_LINES_PER_IMAGE = 300  # thickness: one pixel at 300 pixels, so that it shows at any size
_OTHERS = (YELLOW, BLUISH_GREEN, REDDISH_PURPLE)


def write_overlay(path: Path, raster: Raster, labels: np.ndarray, label_set: LabelSet = LUNG_LABELS) -> Path:
    """Writes the image as an 8-bit colour PNG with outlines in colours for colour-blind readers, too.

    labels : bool, or values of `label_set` (of lungs 1 = right, 2 = left); any others in three colours by
    turns; of the shape of the raster. A stack is shown by its slice with the largest mask. Returns `path`.
    """
    write_png(path, overlay(raster, labels, label_set))
    return path


def overlay(raster: Raster, labels: np.ndarray, label_set: LabelSet = LUNG_LABELS) -> np.ndarray:
    """What `write_overlay` writes: uint8 (Y, X, 3)."""
    if labels.shape != raster.shape:
        raise ValueError(f"the labels have shape {labels.shape}, their image {raster.shape}")
    pixels = raster.pixels
    if pixels.ndim == 3:
        fullest = int(np.argmax(np.count_nonzero(labels, axis=(1, 2))))
        pixels, labels = pixels[fullest], labels[fullest]
    grey = display_pixels(raster, pixels)
    picture = np.repeat(grey[..., np.newaxis], 3, axis=-1)
    rim = outline(labels, thickness=max(1, round(min(labels.shape) / _LINES_PER_IMAGE)))
    colours = _colours(labels.dtype == bool, label_set)
    for label in np.unique(rim[rim > 0]).tolist():
        colour = colours.get(label, _OTHERS[int(label) % len(_OTHERS)])
        picture[rim == label] = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8)
    return picture


def _colours(single: bool, label_set: LabelSet) -> dict[int, str]:
    if not label_set.of_lungs:
        return label_colours(label_set)
    return {1: LUNGS} if single else {1: RIGHT_LUNG, 2: LEFT_LUNG}
