"""The other lung as a start: one lung mirrored about the chest's midline."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import ndimage

from napari_unet.core.change import Change
from napari_unet.core.grid import Grid
from napari_unet.core.labels import LEFT, RIGHT, lung
from napari_unet.core.lung_labels import change_in, no_change
from napari_unet.core.lung_sides import split_left_right

_NODES = 128  # columns at which the midline is looked for
_BAND = 0.3  # it lies in this share of the image's width around the middle
_PULL = 0.3  # of the middle, against the similarity of the two sides


def mirror_lung(
    labels: np.ndarray,
    from_side: Literal["left", "right"],
    row_direction: str | None,
    image: np.ndarray | None = None,
) -> Change:
    """Puts the mirror image of the patient's `from_side` lung in place of the other lung.

    labels : uint8 (Y, X). row_direction : as in Raster. image : (Y, X); the midline is where it is most
    like its own mirror image; without it the image's middle. The lung that is mirrored stays as it is;
    without one nothing changes. Where left and right have labels of their own, the new lung gets its own.
    """
    if from_side not in ("left", "right"):
        raise ValueError(f'a side is "left" or "right", got {from_side!r}')
    own, other = (RIGHT, LEFT) if from_side == "right" else (LEFT, RIGHT)
    told_apart = bool((labels == LEFT).any())
    sides = labels if told_apart else split_left_right(lung(labels), row_direction)
    source = sides == own
    if not source.any():
        return no_change(labels)
    mirrored = _mirrored(source, midline(image) if image is not None else (labels.shape[1] - 1) / 2)
    new = np.where(sides == other, 0, labels).astype(labels.dtype)
    new[mirrored & ~source] = other if told_apart else RIGHT
    return change_in(labels, (slice(0, labels.shape[0]), slice(0, labels.shape[1])), new)


def midline(image: np.ndarray) -> float:
    """The column, a whole or a half one, about which the image (Y, X) is most like its mirror image."""
    grid = Grid(image.shape, _NODES)
    small = ndimage.gaussian_filter(np.nan_to_num(grid.mean(image)), 1.0)
    rows, columns = small.shape
    small = small[rows // 10 : rows - rows // 10]
    last = columns - 1
    sums = range(int((1 - _BAND) * last), int((1 + _BAND) * last) + 1)  # of columns that are mirrored
    best = max(sums, key=lambda both: _symmetry(small, both) - _PULL * abs(both - last) / max(last, 1))
    return ((best + 1) * grid.step - 1) / 2


def _symmetry(image: np.ndarray, both: int) -> float:
    """Correlation of an image with its mirror image about column `both` / 2, -1..1."""
    last = image.shape[1] - 1
    left = np.arange(max(0, both - last), (both + 1) // 2)
    if not len(left):
        return 0.0
    one, two = image[:, left], image[:, both - left]
    one, two = one - one.mean(), two - two.mean()
    size = np.sqrt(float((one**2).sum()) * float((two**2).sum()))
    return float((one * two).sum()) / size if size > 0 else 0.0


def _mirrored(mask: np.ndarray, middle: float) -> np.ndarray:
    """`mask` mirrored about column `middle`; what falls outside the image is lost."""
    columns = np.round(2 * middle).astype(int) - np.arange(mask.shape[1])
    there = (columns >= 0) & (columns < mask.shape[1])
    result = np.zeros_like(mask)
    result[:, there] = mask[:, columns[there]]
    return result
