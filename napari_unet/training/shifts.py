"""Simulated other machines, for choosing a model. Training never sees these changes (see augment.py)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from skimage import exposure, transform

Shift = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Of an image (Y, X) and its masks (C + 1, Y, X): one for each label, and last what does not count."""


def _adaptive_equalised(image: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return exposure.equalize_adapthist(image, clip_limit=0.02).astype(np.float32), masks


def _equalised(image: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return exposure.equalize_hist(image).astype(np.float32), masks


def _hazy(image: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scatter: half of the light comes from the neighbourhood, as without a grid."""
    return 0.45 * image + 0.55 * ndimage.gaussian_filter(image, image.shape[0] / 6), masks


def _coarse(image: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A thumbnail with 12 greys, enlarged again: lossy archives."""
    small = transform.resize(image, [n // 4 for n in image.shape], anti_aliasing=True)
    small = np.round(small * 11) / 11
    return transform.resize(small, image.shape, order=1).astype(np.float32), masks


def _tight(image: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cropped to what is labelled with a margin of 4 %, and stretched back to the square."""
    rows, columns = (np.flatnonzero(masks[:-1].any(axis=(0, axis))) for axis in (2, 1))
    if not len(rows):
        return image, masks
    margin = [round(0.04 * n) for n in image.shape]
    window = tuple(
        slice(max(0, hit[0] - m), hit[-1] + 1 + m) for hit, m in zip((rows, columns), margin, strict=True)
    )
    cropped = transform.resize(image[window], image.shape, order=1, anti_aliasing=True)
    parts = [transform.resize(mask[window].astype(float), mask.shape, order=1) for mask in masks]
    return cropped.astype(np.float32), np.stack(parts) >= 0.5


def _tapered(image: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Perspective of a tube that stands askew (bedside images)."""
    height, width = image.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    seen = np.array([[0.1, 0.06], [0.93, 0], [1, 0.97], [0, 1.0]]) * [width, height]
    warp = transform.ProjectiveTransform.from_estimate(seen, corners)
    if not warp:
        raise RuntimeError("the perspective could not be computed")
    moved = transform.warp(image, warp, order=1)
    parts = [transform.warp(mask.astype(float), warp, order=1) for mask in masks]
    return moved.astype(np.float32), np.stack(parts) >= 0.5


SHIFTS: dict[str, Shift] = {
    "adaptive equalisation": _adaptive_equalised,
    "equalisation": _equalised,
    "haze": _hazy,
    "coarse": _coarse,
    "tight frame": _tight,
    "askew": _tapered,
}


def shifted(image: np.ndarray, masks: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """One pair as another machine might have made it.

    image : float32 (Y, X) in 0..1. masks : bool (C + 1, Y, X): the labels, and last what does not count.
    name : a key of SHIFTS. Returns the same shapes and dtypes.
    """
    image, masks = SHIFTS[name](image, masks)
    return np.clip(image, 0, 1).astype(np.float32), masks.astype(bool)
