"""Small pictures for the queue: the image with the outline of its mask. Made outside the GUI thread."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.labels import lung
from napari_unet.core.outline import outline
from napari_unet.core.palette import label_colours
from napari_unet.core.raster import Raster
from napari_unet.core.window import display_pixels
from napari_unet.io.atomic import atomic_write
from napari_unet.io.formats import read_raster

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject

SIDE = 96
_COLOUR = (255, 176, 0)
_OF = "shown with"  # text in the file: which mask is drawn
_one_at_a_time = threading.Lock()  # a table that scrolls must not read twenty X-rays at once


def thumbnail_of(project: ReviewProject, id: str, revision: str | None) -> np.ndarray:
    """uint8 (rows, columns, 3), at most SIDE a side, of a case with its mask `revision`; kept in the project.

    Raises UserError if the image cannot be read.
    """
    path = project.thumbnail_path(id)
    kept = _kept(path, revision)
    if kept is not None:
        return kept
    with _one_at_a_time:
        raster = read_raster(project.source(id))
        labels = None if revision is None else project.read_mask(revision)
        picture = drawn(raster, labels, project.labels)
    about = PngInfo()
    about.add_text(_OF, revision or "")
    try:
        path.parent.mkdir(exist_ok=True)
        with atomic_write(path) as partial:
            Picture.fromarray(picture).save(partial, format="PNG", pnginfo=about)
    except OSError:  # it is a cache
        return picture
    return picture


def drawn(raster: Raster, labels: np.ndarray | None, label_set: LabelSet = LUNGS) -> np.ndarray:
    """The picture: an image (Y, X) or the fullest slice of a stack as it is shown, and its mask's outline.

    Lungs have one colour, other labels each their own.
    """
    pixels = raster.pixels
    if pixels.ndim == 3:
        middle = _slice(labels, len(pixels))
        pixels, labels = pixels[middle], None if labels is None else labels[middle]
    step = max(1, max(pixels.shape) // (4 * SIDE))
    picture = Picture.fromarray(display_pixels(raster, pixels[::step, ::step]))
    picture.thumbnail((SIDE, SIDE), Picture.Resampling.BOX)
    result = np.repeat(np.asarray(picture)[..., None], 3, axis=-1)
    if labels is not None:
        rows = np.arange(result.shape[0]) * labels.shape[0] // result.shape[0]
        columns = np.arange(result.shape[1]) * labels.shape[1] // result.shape[1]
        small = labels[np.ix_(rows, columns)]
        for value, colour in _colours(label_set).items():
            marked = lung(small) if label_set.of_lungs else small == value
            result[outline(marked, 1)] = colour
    return result


def _colours(labels: LabelSet) -> dict[int, tuple[int, ...]]:
    if labels.of_lungs:
        return {labels.values[0]: _COLOUR}
    return {value: tuple(bytes.fromhex(colour[1:])) for value, colour in label_colours(labels).items()}


def _slice(labels: np.ndarray | None, count: int) -> int:
    """The slice with the most of it marked, else the middle."""
    if labels is None or len(labels) != count:
        return count // 2
    step = max(1, labels.shape[1] // 128)
    filled = lung(labels[:, ::step, ::step]).sum(axis=(1, 2))
    return int(filled.argmax()) if filled.any() else count // 2


def _kept(path: Path, revision: str | None) -> np.ndarray | None:
    try:
        with Picture.open(path) as picture:
            if getattr(picture, "text", {}).get(_OF) == (revision or ""):
                return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError):
        return None
    return None
