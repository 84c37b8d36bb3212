"""Small pictures of a correction: the mask before and after, outlined on the image."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LabelSet
from napari_unet.core.labels import lung
from napari_unet.core.outline import outline
from napari_unet.core.palette import SKY_BLUE, VERMILLION
from napari_unet.core.raster import Raster
from napari_unet.core.window import display_pixels
from napari_unet.io.formats import read_raster
from napari_unet.review.exporting.burned_in import find_text
from napari_unet.review.record import Revision
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import AuthorKind, Case

_LONGEST = 420  # pixels of a picture: sharp on paper at 4 cm


@dataclass(frozen=True)
class Correction:
    """Two JPEG pictures as data addresses; who made the first mask, in words; Dice of both masks."""

    number: int
    before: str
    after: str
    dice: float
    first_mask: str


def correction_picture(
    project: ReviewProject, case: Case, first: Revision, overlap: float
) -> Correction | None:
    """The case before and after people changed its mask; None if image or masks cannot be read.

    A stack is shown by the slice that changed most. Rows of letters in the image are blacked out.
    """
    if case.revision is None:
        return None
    try:
        raster = read_raster(project.source(case.id))
        masks = [_outlined(project.read_mask(mask), project.labels) for mask in (first.id, case.revision)]
    except UserError:
        return None
    if any(mask.shape != raster.shape for mask in masks):
        return None
    grey, masks = _small(raster, masks)
    before, after = (
        _drawn(grey, mask, colour) for mask, colour in zip(masks, (VERMILLION, SKY_BLUE), strict=True)
    )
    return Correction(case.number, before, after, overlap, _made_by(first))


def _outlined(labels: np.ndarray, label_set: LabelSet) -> np.ndarray:
    """uint8: what gets an outline of its own. Lungs are one, as their borders to each other say nothing."""
    return np.where(lung(labels), 1 if label_set.of_lungs else labels, 0).astype(np.uint8)


def _made_by(first: Revision) -> str:
    return "mask from a file" if first.author.kind == AuthorKind.FILE else f"mask of {first.author.name}"


def _small(raster: Raster, masks: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """uint8 (Y, X) and its masks at the size of a picture."""
    pixels = raster.pixels
    if pixels.ndim == 3:
        changed = int(np.argmax(np.count_nonzero(masks[0] != masks[1], axis=(1, 2))))
        pixels, masks = pixels[changed], [mask[changed] for mask in masks]
    grey = display_pixels(raster, pixels)
    for line in find_text(pixels):
        grey[max(0, line.top - 2) : line.bottom + 2, max(0, line.left - 2) : line.right + 2] = 0
    share = min(1.0, _LONGEST / max(grey.shape))
    height, width = (max(1, round(n * share)) for n in grey.shape)
    return _resized(grey, height, width, smooth=True), [_resized(m, height, width) for m in masks]


def _resized(pixels: np.ndarray, height: int, width: int, smooth: bool = False) -> np.ndarray:
    from PIL import Image

    how = Image.Resampling.BOX if smooth else Image.Resampling.NEAREST
    picture = Image.fromarray(pixels.astype(np.uint8)).resize((width, height), how)
    return np.array(picture)


def _drawn(grey: np.ndarray, mask: np.ndarray, colour: str) -> str:
    from PIL import Image

    picture = np.repeat(grey[..., np.newaxis], 3, axis=-1)
    picture[outline(mask, thickness=3) > 0] = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
