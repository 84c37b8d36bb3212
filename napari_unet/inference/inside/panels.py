"""Small pictures of what is in a network, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from torch import Tensor

from napari_unet.core.outline import outline
from napari_unet.core.palette import LUNGS, VERMILLION, label_colours
from napari_unet.inference.inside.anatomy import step_of
from napari_unet.inference.inside.subject import Subject

_GAP = 2  # pixels between maps of a montage
_DARK, _BRIGHT = 0.5, 99.5  # percentiles of a feature map
_BEFORE = "#ffffff"  # outline of the mask before


def grey(values: Tensor | np.ndarray) -> np.ndarray:
    """uint8 (y, x), from the lowest to the highest value; 0 where all are equal."""
    found = _array(values)
    low, high = float(found.min()), float(found.max())
    shown: np.ndarray = np.rint((found - low) * (255 / (high - low) if high > low else 0)).astype(np.uint8)
    return shown


def alike_grey(several: Sequence[Tensor | np.ndarray]) -> list[np.ndarray]:
    """`map_grey` with one scale for all of them, so that they can be compared."""
    found = [_array(one) for one in several]
    low, high = np.percentile(np.concatenate([one.ravel() for one in found]), (_DARK, _BRIGHT))
    span = 255 / (high - low) if high > low else 0.0
    return [np.rint(((one - low) * span).clip(0, 255)).astype(np.uint8) for one in found]


def map_grey(values: Tensor | np.ndarray) -> np.ndarray:
    """As `grey`, of a feature map: its few highest and lowest values do not make the rest dark."""
    return alike_grey([values])[0]


def image_of(subject: Subject) -> np.ndarray:
    """uint8 (y, x): the image as the network sees it; of neighbouring slices the one in the middle."""
    rows, columns = subject.grid
    return grey(subject.x[0, subject.x.shape[1] // 2, :rows, :columns])


def on_grid(subject: Subject, labels: np.ndarray) -> np.ndarray:
    """Labels (Y, X) of the image, on the network's grid: at the middle of each of its pixels."""
    at = []
    for axis, scale in enumerate(subject.pixels_per_grid()):
        middle = subject.box[axis].start + (np.arange(subject.grid[axis]) + 0.5) * scale
        at.append(middle.astype(int).clip(0, labels.shape[axis] - 1))
    return labels[np.ix_(at[0], at[1])]


def outlined(subject: Subject, labels: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
    """uint8 (y, x, 3): the image with the outlines of labels (Y, X) of the image.

    before : labels whose outline lies below them, in white.
    """
    drawn = image_of(subject)
    if before is not None:
        drawn = with_outlines(drawn, (on_grid(subject, before) > 0).astype(np.uint8), {1: _BEFORE})
    return with_outlines(drawn, on_grid(subject, labels), _colours(subject))


def with_outlines(picture: np.ndarray, labels: np.ndarray, colours: dict[int, str]) -> np.ndarray:
    """uint8 (y, x, 3) of a picture, grey or in colours, and labels of its size."""
    drawn = np.repeat(picture[..., None], 3, axis=-1) if picture.ndim == 2 else picture.copy()
    rim = outline(labels, thickness=2)
    for value in np.unique(rim[rim > 0]).tolist():
        drawn[rim == value] = _rgb(colours.get(int(value), LUNGS))
    return drawn


def marked(picture: np.ndarray, row: int, column: int, side: int) -> np.ndarray:
    """uint8 (y, x, 3) with the frame of a square around a pixel; it is cut off at the picture's border."""
    drawn = np.repeat(picture[..., None], 3, axis=-1) if picture.ndim == 2 else picture.copy()
    half, (height, width) = max(side // 2, 2), drawn.shape[:2]
    top, bottom = max(row - half, 0), min(row + half, height - 1)
    left, right = max(column - half, 0), min(column + half, width - 1)
    for part in (
        drawn[top : top + 2, left : right + 1],
        drawn[bottom - 1 : bottom + 1, left : right + 1],
        drawn[top : bottom + 1, left : left + 2],
        drawn[top : bottom + 1, right - 1 : right + 1],
    ):
        part[:] = _rgb(VERMILLION)
    return drawn


def within(subject: Subject, values: np.ndarray) -> np.ndarray:
    """The part of a map (y, x) that lies in the image; the border that is mirrored is left out."""
    place = subject.place(
        values.shape, step_of(values.shape, subject.whole, subject.predictor.network.facts.stride)
    )
    for axis in (0, 1):
        at = place.origin[axis] + place.step[axis] * np.arange(values.shape[axis])
        values = np.compress((at >= 0) & (at < subject.shape[axis]), values, axis=axis)
    return values


def montage(maps: Sequence[np.ndarray]) -> np.ndarray:
    """uint8: maps (y, x) of one size side by side in a square of rows, white between them."""
    columns = ceil(len(maps) ** 0.5)
    height, width = maps[0].shape
    rows = -(-len(maps) // columns)
    page = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP), 255, np.uint8)
    for number, one in enumerate(maps):
        y, x = number // columns * (height + _GAP), number % columns * (width + _GAP)
        page[y : y + height, x : x + width] = one
    return page


def _array(values: Tensor | np.ndarray) -> np.ndarray:
    return np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, np.float32)


def _colours(subject: Subject) -> dict[int, str]:
    return label_colours(subject.output.labels)


def _rgb(colour: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(colour[1:]), np.uint8)
