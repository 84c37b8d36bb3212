"""X-rays of any size. Imports no torch: the window's process uses this too."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_unet.io.formats import read_raster
from napari_unet.samples import SAMPLES

_BITS_12 = 4095


def xray(side: int) -> np.ndarray:
    """(side, side) uint16 of 12 bits, as detectors give: a sample X-ray, enlarged."""
    return np.round(unit_xray(side) * _BITS_12).astype(np.uint16)


def unit_xray(side: int) -> np.ndarray:
    """The same as float32 that fills 0..1, so that nobody's normalisation changes it."""
    pixels = read_raster(SAMPLES[0].image).pixels.astype(np.float32)
    zoom = [side / n for n in pixels.shape]
    large = ndimage.zoom(pixels, zoom, order=1, mode="nearest", grid_mode=True)
    return (large - large.min()) / (large.max() - large.min())


def lungs(side: int, specks: int = 0) -> np.ndarray:
    """(side, side) bool: the sample's reference mask, enlarged; `specks` squares are strewn over it."""
    mask = read_raster(SAMPLES[0].mask).pixels > 0
    zoom = [side / n for n in mask.shape]
    large = ndimage.zoom(mask.astype(np.uint8), zoom, order=0, mode="nearest", grid_mode=True) > 0
    corners = np.random.default_rng(0).integers(0, side - 8, (specks, 2))
    for y, x in corners:
        large[y : y + 8, x : x + 8] ^= True
    return large
