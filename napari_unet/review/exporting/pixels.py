"""Pixels of images as other tools take them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_unet.core.raster import Raster
from napari_unet.io.overlay import shown_grey


def upright(raster: Raster) -> Raster:
    """The raster with dense tissue bright and finite numbers of at most 32 bit, or float64.

    An image that its header says is inverted is mirrored between its lowest and highest value. What is not
    finite becomes the lowest value. Spacing, affine and frame stay.
    """
    pixels = raster.pixels
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype.kind == "f":
        finite = np.isfinite(pixels)
        if not finite.all():
            lowest = pixels[finite].min() if finite.any() else 0
            pixels = np.where(finite, pixels, lowest).astype(pixels.dtype)
    if raster.inverted:
        pixels = _mirrored(pixels)
    return replace(raster, pixels=_of_plain_type(pixels), inverted=False if raster.inverted else None)


def as_unsigned(pixels: np.ndarray) -> np.ndarray:
    """uint8 or uint16: as they are where they fit, otherwise stretched over 16 bit."""
    if pixels.dtype == np.uint8 or not pixels.size:
        return pixels.astype(np.uint8)
    low, high = pixels.min(), pixels.max()
    if pixels.dtype.kind in "ui" and low >= 0 and high <= np.iinfo(np.uint16).max:
        return pixels.astype(np.uint16)
    scaled = (pixels.astype(np.float64) - float(low)) / max(float(high) - float(low), 1e-12)
    return np.rint(scaled * np.iinfo(np.uint16).max).astype(np.uint16)


def as_bytes(raster: Raster) -> np.ndarray:
    """uint8: as they are, otherwise what a viewer shows."""
    if raster.pixels.dtype == np.uint8:
        return raster.pixels
    return shown_grey(raster.pixels, raster.window, bool(raster.inverted))


def _mirrored(pixels: np.ndarray) -> np.ndarray:
    if not pixels.size:
        return pixels
    low, high = pixels.min(), pixels.max()
    if pixels.dtype.kind == "f":
        return np.asarray(low + (high - pixels))
    wide = pixels.astype(np.int64)
    return (int(low) + int(high) - wide).astype(pixels.dtype)


def _of_plain_type(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.float16:
        return pixels.astype(np.float32)
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize == 8:
        limits = np.iinfo(np.int32)
        fits = limits.min <= pixels.min(initial=0) and pixels.max(initial=0) <= limits.max
        return pixels.astype(np.int32 if fits else np.float64)
    return pixels
