"""What other scanners do to a CT volume: thickness, kernel, dose, calibration, field of view, metal.

Functions of HU (Z, Y, X), float32, that return float32 of the same shape, but for `slices_at`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

_AIR, _METAL = -1000.0, 3071.0


def slices_at(
    volume: np.ndarray, places: Sequence[float] | np.ndarray, thickness: float, nearest: bool = False
) -> np.ndarray:
    """(N, Y, X): slices whose middles lie at `places`, as averages over `thickness`, both counted in slices.

    Between slices values are linear; beyond the ends the last slice goes on. nearest : for labels, the
    nearest slice instead of an average.
    """
    last = len(volume) - 1
    at = np.clip(np.asarray(places, float), 0, last)
    if nearest:
        return np.asarray(volume[np.rint(at).astype(np.intp)])
    count = max(1, round(thickness))
    offsets = (np.arange(count) - (count - 1) / 2) * (thickness / count)
    total = np.zeros((len(at), *volume.shape[1:]), np.float32)
    for offset in offsets:
        where = np.clip(at + offset, 0, last)
        low = np.minimum(where.astype(np.intp), max(last - 1, 0))
        share = (where - low).astype(np.float32)[:, None, None]
        below = volume[low].astype(np.float32)
        total += below if not share.any() else below + share * (volume[np.minimum(low + 1, last)] - below)
    return total / np.float32(count)


def other_kernel(volume: np.ndarray, amount: float, width_mm: float, pixel_mm: Sequence[float]) -> np.ndarray:
    """Sharper where `amount` is positive (detail of `width_mm` is added so often), softer where it is -1.

    width_mm : deviation of the Gaussian in the plane of the slices. Noise changes with the image, as it does
    between the kernels of a scanner.
    """
    volume = volume.astype(np.float32)
    smooth = ndimage.gaussian_filter(volume, (0, *(width_mm / step for step in pixel_mm)))
    return np.asarray(volume + np.float32(amount) * (volume - smooth))


def low_dose(volume: np.ndarray, hu: float, grain: float, rng: np.random.Generator) -> np.ndarray:
    """With noise of the deviation `hu`; grain : width in pixels of its Gaussian in the plane, 0: white.

    Slices whose middle is denser than others (shoulders, liver) get up to half as much again.
    """
    noise = rng.standard_normal(volume.shape, dtype=np.float32)
    if grain > 0:
        noise = ndimage.gaussian_filter(noise, (0, grain, grain), truncate=3.0, mode="wrap")
    mean = np.clip(volume, _AIR, 500).mean(axis=(1, 2), keepdims=True)
    dense = (mean - mean.min()) / max(float(np.ptp(mean)), 1.0)
    strength = hu * (1 + 0.5 * dense) / max(float(noise.std()), 1e-6)
    return np.asarray(volume + strength.astype(np.float32) * noise)


def other_calibration(volume: np.ndarray, scale: float, offset_hu: float) -> np.ndarray:
    """HU of a scanner whose air is right but for `offset_hu`, and whose scale above it is `scale`."""
    return np.asarray((volume.astype(np.float32) - _AIR) * np.float32(scale) + _AIR + np.float32(offset_hu))


def inside_circle(shape: tuple[int, ...], centre: tuple[float, float], radius: float) -> np.ndarray:
    """bool (Y, X): the round field of view. centre : as shares of the sides; radius : of the longer one."""
    height, width = shape[-2:]
    y, x = np.ogrid[:height, :width]
    far = np.hypot(y - centre[0] * (height - 1), x - centre[1] * (width - 1))
    return np.asarray(far <= radius * max(height, width))


def with_metal(
    volume: np.ndarray,
    point: tuple[int, int, int],
    radius_mm: float,
    slices: int,
    streaks_hu: float,
    pixel_mm: Sequence[float],
    rng: np.random.Generator,
) -> np.ndarray:
    """With a round piece of metal around `point` (Z, Y, X) on so many slices, and streaks that run from it.

    Streaks fade with the distance; their pattern differs from slice to slice a little.
    """
    changed = volume.astype(np.float32)
    z, y, x = point
    dy = (np.arange(volume.shape[1]) - y)[:, None] * pixel_mm[0]
    dx = (np.arange(volume.shape[2]) - x)[None, :] * pixel_mm[1]
    away, angle = np.hypot(dy, dx), np.arctan2(dy, dx)
    fade = streaks_hu / (1 + away / (6 * radius_mm))
    bins = 180
    common = rng.standard_normal(bins)
    which = ((angle + np.pi) / (2 * np.pi) * bins).astype(np.intp) % bins
    first = max(0, z - slices // 2)
    for k in range(first, min(len(volume), first + slices)):
        pattern = ndimage.gaussian_filter1d(common + 0.5 * rng.standard_normal(bins), 1.2, mode="wrap")
        changed[k] += (fade * pattern[which]).astype(np.float32)
        changed[k][away <= radius_mm] = _METAL
    return np.clip(changed, -1024, _METAL)
