"""The picture for a report: the image with its lungs outlined."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_unet.core.outline import outline
from napari_unet.core.palette import BLUISH_GREEN, LEFT_LUNG, LUNGS, REDDISH_PURPLE, RIGHT_LUNG, YELLOW
from napari_unet.core.raster import Raster
from napari_unet.io.pictures import write_png

_LINES_PER_IMAGE = 300  # thickness: one pixel at 300 pixels, so that it shows at any size
_OTHERS = (YELLOW, BLUISH_GREEN, REDDISH_PURPLE)


def write_overlay(path: Path, raster: Raster, labels: np.ndarray) -> Path:
    """Writes the image as an 8-bit colour PNG with outlines in colours that colour-blind readers tell apart.

    labels : bool, or 1 = right lung, 2 = left lung, any more in three other colours by turns; of the shape
    of the raster. A stack is shown by its slice with the largest mask. Returns `path`.
    """
    write_png(path, overlay(raster, labels))
    return path


def overlay(raster: Raster, labels: np.ndarray) -> np.ndarray:
    """What `write_overlay` writes: uint8 (Y, X, 3)."""
    if labels.shape != raster.shape:
        raise ValueError(f"the labels have shape {labels.shape}, their image {raster.shape}")
    pixels = raster.pixels
    if pixels.ndim == 3:
        fullest = int(np.argmax(np.count_nonzero(labels, axis=(1, 2))))
        pixels, labels = pixels[fullest], labels[fullest]
    grey = shown_grey(pixels, raster.window, bool(raster.inverted))
    picture = np.repeat(grey[..., np.newaxis], 3, axis=-1)
    rim = outline(labels, thickness=max(1, round(min(labels.shape) / _LINES_PER_IMAGE)))
    for label in np.unique(rim[rim > 0]):
        picture[rim == label] = _colour(int(label), labels.dtype == bool)
    return picture


def _colour(label: int, single: bool) -> np.ndarray:
    names = {1: LUNGS} if single else {1: RIGHT_LUNG, 2: LEFT_LUNG}
    return np.frombuffer(bytes.fromhex(names.get(label, _OTHERS[label % len(_OTHERS)])[1:]), np.uint8)


def shown_grey(pixels: np.ndarray, window: tuple[float, float] | None, inverted: bool) -> np.ndarray:
    """uint8 as a viewer shows it: by the header's window or between the percentiles 0.5 and 99.5."""
    finite = pixels[np.isfinite(pixels)]
    if window is None and finite.size:
        low, high = np.percentile(finite[:: 1 + finite.size // 1_000_000], (0.5, 99.5))
    else:
        low, high = window or (0.0, 1.0)
    scaled = (np.nan_to_num(pixels.astype(np.float32)) - low) / max(float(high - low), 1e-12)
    grey = np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    return np.asarray(255 - grey if inverted else grey)
