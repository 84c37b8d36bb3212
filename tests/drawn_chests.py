"""Chests drawn with a pen: two lungs with a heart, domes and costophrenic corners."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SHAPE = (256, 256)


def chest(tilt: float = 0.0, seed: int | None = None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(the visible lungs, bool (Y, X); parts of the chest by name, none of which they touch).

    Parts: heart, dome, neck, abdomen, arm (outside the ribs), spine. tilt : degrees. seed : another patient.
    """
    random = np.random.default_rng(seed)
    wide, high = (1.0, 1.0) if seed is None else 1 + random.uniform(-0.08, 0.08, 2)
    y, x = np.indices(SHAPE, float)
    u, t = (x - 127.5) / (96 * wide), (y - 40) / (170 * high)  # across and down: corners at ±1 and 1
    ribs = (np.abs(u) < 0.62 + 0.36 * np.sqrt(np.clip(t, 0, 1))) & (t > 0) & (t < 1)
    ribs &= (np.abs(np.abs(u) - 0.45) / 0.45) ** 2 + ((t - 0.28) / 0.28) ** 2 < 1.0 + 10 * (t > 0.28)
    behind = ((u - 0.16) / 0.42) ** 2 + ((t - 0.66) / 0.24) ** 2 < 1
    medial = np.abs(u) < 0.16
    dome = t > 0.82 + 0.18 * np.clip((np.abs(u) - 0.2) / 0.78, 0, 1) ** 2
    parts = {
        "heart": behind & ~dome & (u > 0.2) & ndimage.binary_erosion(behind, iterations=7),
        "dome": dome & (t < 0.97) & (np.abs(u) > 0.2) & (np.abs(u) < 0.6) & (t > 0.9),
        "neck": (t < -0.12) & (t > -0.2) & (np.abs(u) < 0.2),
        "abdomen": (t > 1.12) & (t < 1.26) & (np.abs(u) < 0.3),
        "arm": (np.abs(u - 1.2) < 0.06) & (np.abs(t - 0.5) < 0.2),
        "spine": (np.abs(u) < 0.03) & (np.abs(t - 0.5) < 0.3),
    }
    visible = ribs & ~behind & ~medial & ~dome
    return turned(visible, tilt), {name: turned(part, tilt) for name, part in parts.items()}


def turned(mask: np.ndarray, degrees: float) -> np.ndarray:
    """The same, turned about the middle of the image."""
    return ndimage.rotate(mask.astype(np.uint8), degrees, reshape=False, order=0).astype(bool)


def wobbled(mask: np.ndarray, seed: int, pixels: float = 3.0) -> np.ndarray:
    """With another border, here inside and there outside the old one, by up to about `pixels`."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=mask.shape), 8)
    inside = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    return np.asarray(inside + noise / np.abs(noise).max() * pixels > 0)
