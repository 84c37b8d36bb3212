"""Maps at another size: area mean where they shrink, bilinear where they grow. No torch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np


def thinning(shape: tuple[int, ...], longest: int) -> int:
    """The n of `thinned` for planes of the shape (..., Y, X)."""
    return max(1, -(-max(shape[-2:]) // longest))


def thinned(planes: np.ndarray, longest: int) -> np.ndarray:
    """Every n-th pixel of the planes (..., Y, X), a view, so that no side is longer than `longest`."""
    step = thinning(planes.shape, longest)
    return planes[..., ::step, ::step]


def resized(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """float32 (..., *size) of maps (..., [Z,] Y, X); uint8 0..255 counts as 0..1. `maps` itself if it fits.

    Centres of pixels are aligned. Equal, but for rounding, to torch's `interpolate` in its modes "area" and
    "bilinear" or "trilinear" (`align_corners=False`), one axis after the other: rows first where they become
    fewer, last where they become more, as whole rows are mixed fastest.
    """
    if maps.dtype == np.uint8:
        maps = maps * np.float32(1 / 255)
    maps = shrunk(maps, size)
    *depth, height, width = size
    if width > maps.shape[-1]:
        maps = _more_columns(maps, width)
    if height > maps.shape[-2]:
        maps = _more_rows(maps, height)
    if depth and depth[0] > maps.shape[-3]:
        maps = _along_z(_more_rows, maps, depth[0])
    return maps


def shrunk(pixels: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """float32 of any numbers (..., [Z,] Y, X): area mean along those axes that are longer than in `size`.

    As `resized` does it, but for the meaning of bytes. Only the rows of one mean are floats at a time.
    """
    *depth, height, width = size
    if depth and depth[0] < pixels.shape[-3]:
        pixels = _along_z(_fewer_rows, pixels, depth[0])
    if height < pixels.shape[-2]:
        pixels = _fewer_rows(pixels, height)
    pixels = pixels.astype(np.float32, copy=False)
    return _fewer_columns(pixels, width) if width < pixels.shape[-1] else pixels


def _along_z(rows: Callable[[np.ndarray, int], np.ndarray], maps: np.ndarray, depth: int) -> np.ndarray:
    """`rows` done to slices in place of rows."""
    plane = maps.shape[-2:]
    long = rows(maps.reshape(*maps.shape[:-2], plane[0] * plane[1]), depth)
    return long.reshape(*long.shape[:-1], *plane)


def _windows(n: int, fewer: int) -> tuple[np.ndarray, np.ndarray]:
    """First pixel and end of the windows of an adaptive average of n pixels; they may overlap."""
    k = np.arange(fewer)
    return k * n // fewer, -(-(k + 1) * n // fewer)


def _fewer_rows(maps: np.ndarray, height: int) -> np.ndarray:
    out = np.empty((*maps.shape[:-2], height, maps.shape[-1]), np.float32)
    for row, (start, stop) in enumerate(zip(*_windows(maps.shape[-2], height), strict=True)):
        mean, part = out[..., row, :], maps[..., start:stop, :].astype(np.float32, copy=False)
        np.add.reduce(part, axis=-2, out=mean)
        mean /= stop - start
    return out


def _fewer_columns(maps: np.ndarray, width: int) -> np.ndarray:
    starts, stops = _windows(maps.shape[-1], width)
    limits = np.stack([starts, stops], axis=1).ravel()[:-1]  # every second sum is that of a window
    sums = np.add.reduceat(maps, limits, axis=-1)[..., ::2]
    return np.asarray(sums / (stops - starts).astype(np.float32))


def _neighbours(n: int, more: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(pixel before, pixel after, share of the latter) for each of `more` places along n pixels."""
    scale = float(np.float32(n) / np.float32(more))  # torch's positions have single precision
    at = np.maximum(scale * (np.arange(more) + 0.5) - 0.5, 0).astype(np.float32)
    low = np.minimum(at.astype(np.intp), n - 1)
    return low, np.minimum(low + 1, n - 1), at - low.astype(np.float32)


def _more_columns(maps: np.ndarray, width: int) -> np.ndarray:
    low, high, share = _neighbours(maps.shape[-1], width)
    out, other = (np.take(maps, which, axis=-1) for which in (low, high))
    out *= 1 - share
    other *= share
    out += other
    return out


def _more_rows(maps: np.ndarray, height: int) -> np.ndarray:
    low, high, share = _neighbours(maps.shape[-2], height)
    out = np.empty((*maps.shape[:-2], height, maps.shape[-1]), np.float32)
    begins = np.flatnonzero(np.diff(low, prepend=-1, append=-1))  # rows between the same two: a few at once
    for first, end in pairwise(begins):
        before, part = maps[..., low[first], None, :], out[..., first:end, :]
        np.multiply(maps[..., high[first], None, :] - before, share[first:end, None], out=part)
        part += before
    return out
