"""Simulated other machines, for choosing a model. Training never sees these changes (see augment.py)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from skimage import exposure, transform

from napari_unet.models.card import ModelCard

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


def _low_dose(image: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Noise of 5 % of the window, of two pixels' grain, the same for the same image."""
    seed = int(np.abs(image.astype(np.float64)).sum() * 1e3)
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=image.shape), 0.8)
    return image + 0.05 * noise / noise.std(), masks


def _soft(image: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A soft kernel, or the partial volume of thick slices."""
    return ndimage.gaussian_filter(image, 1.2), masks


def _sharp(image: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A sharp kernel: borders overshoot."""
    return image + 1.5 * (image - ndimage.gaussian_filter(image, 1.0)), masks


def _cut(image: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A field of view smaller by a fifth, which may cut the chest."""
    inner = tuple(slice(n // 10, n - n // 10) for n in image.shape)
    large = transform.resize(image[inner], image.shape, order=1)
    parts = [transform.resize(mask[inner].astype(float), mask.shape, order=1) for mask in masks]
    return large.astype(np.float32), np.stack(parts) >= 0.5


def _wide(image: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A field of view larger by a third, with air around."""
    margin = [(n // 6, n // 6) for n in image.shape]
    small = transform.resize(np.pad(image, margin), image.shape, order=1, anti_aliasing=True)
    parts = [transform.resize(np.pad(mask, margin).astype(float), mask.shape, order=1) for mask in masks]
    return small.astype(np.float32), np.stack(parts) >= 0.5


SHIFTS: dict[str, Shift] = {
    "adaptive equalisation": _adaptive_equalised,
    "equalisation": _equalised,
    "haze": _hazy,
    "coarse": _coarse,
    "tight frame": _tight,
    "askew": _tapered,
}
CT_SHIFTS: dict[str, Shift] = {
    "low dose": _low_dose,
    "soft kernel": _soft,
    "sharp kernel": _sharp,
    "small field": _cut,
    "large field": _wide,
}


def shifts_of(card: ModelCard) -> dict[str, Shift]:
    """Those for the images of a model."""
    return CT_SHIFTS if card.in_hounsfield else SHIFTS


def shifted(image: np.ndarray, masks: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """One pair as another machine might have made it.

    image : float32 (Y, X) in 0..1. masks : bool (C + 1, Y, X): the labels, and last what does not count.
    name : a key of SHIFTS or CT_SHIFTS. Returns the same shapes and dtypes.
    """
    image, masks = (SHIFTS | CT_SHIFTS)[name](image, masks)
    return np.clip(image, 0, 1).astype(np.float32), masks.astype(bool)
