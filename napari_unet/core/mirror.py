"""The other lung as a start: one lung mirrored about the chest's midline."""

from __future__ import annotations

from typing import Literal

import numpy as np

from napari_unet.core.change import Change
from napari_unet.core.lung_labels import LEFT, RIGHT, change_in, lung
from napari_unet.core.masks import split_left_right


def mirror_lung(
    labels: np.ndarray,
    from_side: Literal["left", "right"],
    columns_towards: str | None,
    image: np.ndarray | None = None,
) -> Change:
    """Puts the mirror image of the patient's `from_side` lung in place of the other lung.

    labels : uint8 (Y, X). columns_towards : as in Raster. image : (Y, X); the midline is where it is most
    like its own mirror image; without it the image's middle. The lung that is mirrored stays as it is.
    Where left and right have labels of their own, the new lung gets the other one.
    """
    if from_side not in ("left", "right"):
        raise ValueError(f'a side is "left" or "right", got {from_side!r}')
    own, other = (RIGHT, LEFT) if from_side == "right" else (LEFT, RIGHT)
    told_apart = bool((labels == LEFT).any())
    sides = labels if told_apart else split_left_right(lung(labels), columns_towards)
    source = sides == own
    mirrored = _mirrored(source, midline(image) if image is not None else (labels.shape[1] - 1) / 2)
    new = np.where(sides == other, 0, labels).astype(labels.dtype)
    new[mirrored & ~source] = other if told_apart else RIGHT
    return change_in(labels, (slice(0, labels.shape[0]), slice(0, labels.shape[1])), new)


def midline(image: np.ndarray) -> float:
    """The column, a whole or a half one, about which the image (Y, X) is most like its mirror image."""
    return float((image.shape[1] - 1) / 2)


def _mirrored(mask: np.ndarray, middle: float) -> np.ndarray:
    """`mask` mirrored about column `middle`; what falls outside the image is lost."""
    columns = np.round(2 * middle).astype(int) - np.arange(mask.shape[1])
    there = (columns >= 0) & (columns < mask.shape[1])
    result = np.zeros_like(mask)
    result[:, there] = mask[:, columns[there]]
    return result
