"""Where a model is uncertain of its own mask: places to look at, and one number for the whole boundary."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_unet.core.labels import IGNORE

_WINDOW = 1 / 16  # of the longer side: uncertainty is averaged over squares of this size
_APART = 1 / 12  # of the longer side: two uncertain places are at least this far apart
_SURE, _UNSURE = 0.3, 0.6  # mean uncertainty over that square along a sharp boundary, and along none
_WORTH_A_LOOK = 0.5  # mean uncertainty over that square from which a place is worth a look


def uncertain_places(uncertainty: np.ndarray, mask: np.ndarray, count: int = 20) -> list[tuple[int, ...]]:
    """Where in an image a model is uncertain: the most uncertain place first, apart from each other.

    uncertainty : entropy 0..1 as float, or 0..255 as uint8, (Y, X) or (Z, Y, X), of any size in plane.
    mask : labels of the image's own size, (Y, X) or (Z, Y, X); what is labelled IGNORE is ignored.
    Returns at most `count` positions in pixels of the mask: (y, x), in stacks (z, y, x).
    A sharp boundary is not uncertain, though the pixels on it are undecided. [] if there is none.
    """
    if uncertainty.ndim != mask.ndim or (mask.ndim == 3 and len(uncertainty) != len(mask)):
        raise ValueError(f"a map of shape {uncertainty.shape} is not of a mask of shape {mask.shape}")
    local = smoothed(uncertainty)
    if mask.ndim == 2:
        local, labels = local[None], mask[None]
    else:
        labels = mask
    side = max(local.shape[1:])
    peaks = local == ndimage.maximum_filter(local, size=(1, *2 * [2 * max(1, round(side * _APART / 2)) + 1]))
    slices, rows, columns = np.nonzero(peaks & (local >= _WORTH_A_LOOK))
    found: list[tuple[int, ...]] = []
    taken: list[np.ndarray] = []
    apart = max(2.0, side * _APART)
    scale = np.array(labels.shape[1:]) / local.shape[1:]
    for k in np.argsort(-local[slices, rows, columns], kind="stable"):
        here = np.array([slices[k], rows[k], columns[k]])
        if any(abs(here[0] - there[0]) <= 1 and np.hypot(*(here - there)[1:]) < apart for there in taken):
            continue
        row, column = (int(v) for v in (here[1:] + 0.5) * scale)
        if labels[slices[k], row, column] == IGNORE:
            continue
        taken.append(here)
        found.append((row, column) if mask.ndim == 2 else (int(slices[k]), row, column))
        if len(found) == count:
            break
    return found


def entropy(probability: np.ndarray) -> np.ndarray:
    """Entropy in bits (float32, 0..1) of a probability 0..1 as float, or 0..255 as uint8; any shape."""
    p = probability.astype(np.float32) / (255 if probability.dtype == np.uint8 else 1)
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)), np.float32)


def smoothed(uncertainty: np.ndarray) -> np.ndarray:
    """float32 0..1: mean uncertainty in a square around each pixel, in plane; see `uncertain_places`."""
    values = uncertainty.astype(np.float32) / (255 if uncertainty.dtype == np.uint8 else 1)
    size = 2 * round(max(values.shape[-2:]) * _WINDOW / 2) + 1
    return np.asarray(ndimage.uniform_filter(values, (1,) * (values.ndim - 2) + (size, size), mode="nearest"))


def boundary_uncertainty(uncertainty: np.ndarray, mask: np.ndarray) -> float:
    """Share of a mask's boundary, 0..1, along which the model is uncertain; nan if the mask is empty.

    uncertainty : as in `uncertain_places`. mask : bool, (Y, X) or (Z, Y, X), of any size in plane. A pixel of
    the boundary counts where uncertainty reaches beyond the thin line that every boundary has; in between in
    part.
    """
    small = _at_size(mask.astype(bool), uncertainty.shape)
    cross = ndimage.generate_binary_structure(2, 1)[(None,) * (mask.ndim - 2)]
    boundary = small & ~ndimage.binary_erosion(small, cross, border_value=1)
    if not boundary.any():
        return float("nan")
    local = smoothed(uncertainty)[boundary]
    return float(np.clip((local - _SURE) / (_UNSURE - _SURE), 0, 1).mean())


def _at_size(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Nearest pixels, in plane."""
    rows, columns = (
        ((np.arange(to) + 0.5) * length / to).astype(int)
        for to, length in zip(shape[-2:], mask.shape[-2:], strict=True)
    )
    return np.asarray(mask[..., rows[:, None], columns])
