"""Pixels of images as other tools take them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_unet.core.padding import filled, padded_pixels
from napari_unet.core.raster import Raster
from napari_unet.core.window import Window, display_pixels, display_window


def upright(raster: Raster) -> Raster:
    """The raster with dense tissue bright and finite numbers of at most 32 bit, or float64.

    An image that its header says is inverted is mirrored between its lowest and highest value, and its window
    with it: so `as_bytes` gives what the reader saw. Padding and what is not finite get the darkest value of
    the image. Spacing, affine and frame stay.
    """
    pixels = raster.pixels
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    window = display_window(replace(raster, pixels=pixels))
    padded = padded_pixels(pixels, raster.padding)
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        padded = ~np.isfinite(pixels) if padded is None else padded | ~np.isfinite(pixels)
        pixels = np.zeros_like(pixels) if padded.all() else pixels
    pixels = filled(pixels, padded, bool(raster.inverted))
    if raster.inverted and pixels.size:
        ends = float(pixels.min()) + float(pixels.max())
        pixels, window = _mirrored(pixels), Window(ends - window.high, ends - window.low)
    return replace(
        raster,
        pixels=_of_plain_type(pixels),
        inverted=False if raster.inverted else None,
        window=(window.low, window.high),
        padding=None,
    )


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
    """uint8: what a viewer shows; bytes without a window as they are."""
    return display_pixels(raster)


def _mirrored(pixels: np.ndarray) -> np.ndarray:
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
