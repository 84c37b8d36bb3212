"""Masks to try the arithmetic of masks on."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def blobs(seed: int, shape: tuple[int, ...] = (48, 40), share: float = 0.5) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2)
    return np.asarray(noise > np.quantile(noise, share))


def lungs(shape: tuple[int, int] = (120, 110), left: bool = True, right: bool = True) -> np.ndarray:
    """Two slanted ovals; `left` and `right` are sides of the image."""
    y, x = np.mgrid[: shape[0], : shape[1]] / np.array(shape)[:, None, None]
    lean = 0.15 * (y - 0.5)
    one = ((y - 0.5) / 0.36) ** 2 + ((x - 0.3 + lean) / 0.13) ** 2 < 1
    other = ((y - 0.5) / 0.36) ** 2 + ((x - 0.7 - lean) / 0.13) ** 2 < 1
    return np.asarray((one & left) | (other & right))


def count(mask: np.ndarray) -> int:
    """Number of parts."""
    return int(ndimage.label(mask)[1])
