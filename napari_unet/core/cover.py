"""A few cases that stand for many."""

from __future__ import annotations

import numpy as np

from napari_unet.core.blocks import block_means

THUMBNAIL = 16


def k_centre(points: np.ndarray, count: int) -> list[int]:
    """Indices of `count` points (all, if there are fewer) so that no other point is far from one of them.

    points : float (N, D). Greedy (Gonzalez 1985; as a core-set: Sener and Savarese 2018, algorithm 1): first
    the point nearest the mean, then always the one farthest from those chosen; at most twice as far as with
    the best choice. Of equal points the first counts. Raises ValueError if `points` is no table.
    """
    if points.ndim != 2:
        raise ValueError(f"points are (N, D), got {points.shape}")
    if not len(points) or count < 1:
        return []
    chosen = [int(_squares(points, points.mean(axis=0)).argmin())]
    away = _squares(points, points[chosen[0]])
    while len(chosen) < min(count, len(points)):
        away[chosen] = -1
        chosen.append(int(away.argmax()))
        away = np.minimum(away, _squares(points, points[chosen[-1]]))
    return chosen


def thumbnails(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """float64 (N, 2 × THUMBNAIL²): how cases look, in few numbers: block means of images and masks.

    images, masks : (N, Y, X) in 0..1, at least THUMBNAIL pixels a side.
    """
    parts = [block_means(stack, THUMBNAIL, THUMBNAIL) for stack in (images, masks)]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def _squares(points: np.ndarray, centre: np.ndarray) -> np.ndarray:
    return np.asarray(np.square(points - centre).sum(axis=1))
