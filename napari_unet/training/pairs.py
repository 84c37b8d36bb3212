"""What stands in a TrainingPair: pixels and labels, checked; complaints name the case and no file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.gate import check_pixels
from napari_unet.core.labels import IGNORE, file_labels
from napari_unet.core.raster import Raster
from napari_unet.core.training_pair import TrainingPair
from napari_unet.io.formats import read_mask, read_raster
from napari_unet.models.card import ModelCard

_LOOK = "Look at the case in the review, or leave it out."


def read_pair(pair: TrainingPair, card: ModelCard) -> tuple[Raster, np.ndarray]:
    """The image and its labels, uint8 of the same shape: 0, 1 (right and left lung are one), IGNORE.

    A mask file that is no revision of a project may hold 0 and one other value, 255 too. Raises UserError if
    a file is missing, unreadable or not the one that was reviewed, if image and mask differ in size, or if
    the mask has labels that the model has no class for.
    """
    raster = _raster(pair)
    labels = _labels(pair)
    if labels.shape != raster.shape:
        raise UserError(
            f"The mask of case {pair.id} has the size {_size(labels.shape)}, its image "
            f"{_size(raster.shape)}.",
            "Give the image its own mask, or leave the case out.",
        )
    known = {0, 1, IGNORE} | ({2} if card.classes == ("lung",) else set())
    if strange := sorted(set(np.unique(labels).tolist()) - known):
        raise UserError(
            f"The mask of case {pair.id} has the label {strange[0]}; the model {card.name} knows "
            f"{len(card.classes)} class ({', '.join(card.classes)}).",
            "Take the other labels out of the mask, or leave the case out.",
        )
    return raster, np.where((labels > 0) & (labels != IGNORE), 1, labels).astype(np.uint8)


def chosen_slices(pair: TrainingPair, raster: Raster) -> list[int]:
    """Which slices of a stack count. Raises UserError if one of them is not there, or none is chosen."""
    slices = list(range(len(raster.pixels))) if pair.slices is None else list(pair.slices)
    if not slices or not all(0 <= z < len(raster.pixels) for z in slices):
        raise UserError(
            f"Case {pair.id} is a stack of {len(raster.pixels)} slices, and those chosen are not among them.",
            "Choose slices that are there.",
        )
    return slices


def _raster(pair: TrainingPair) -> Raster:
    raster = pair.image if isinstance(pair.image, Raster) else _read_image(pair, pair.image)
    try:
        check_pixels(raster)
    except UserError as error:
        raise UserError(f"Case {pair.id}: {error.problem}", "Leave the case out.") from error
    return raster


def _read_image(pair: TrainingPair, path: Path) -> Raster:
    _expect(path, pair.content_hash, f"The image of case {pair.id}")
    try:
        return read_raster(path)
    except UserError:
        raise UserError(f"The image of case {pair.id} cannot be read.", _LOOK) from None


def _labels(pair: TrainingPair) -> np.ndarray:
    if isinstance(pair.mask, np.ndarray):
        return pair.mask.astype(np.uint8) if pair.mask.dtype == bool else pair.mask
    _expect(pair.mask, pair.revision, f"The mask of case {pair.id}")
    try:
        mask = read_mask(pair.mask)
    except UserError:
        raise UserError(f"The mask of case {pair.id} cannot be read.", _LOOK) from None
    if pair.revision:
        return mask
    try:
        return file_labels(mask)
    except UserError as error:
        raise UserError(f"Case {pair.id}: {error.problem}", error.remedy) from None


def _expect(path: Path, sha256: str, what: str) -> None:
    """Raises UserError if there is no such file, or it is not the one that was reviewed."""
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest() if sha256 else ""
    except FileNotFoundError:
        raise UserError(f"{what} is missing.", _LOOK) from None
    except OSError:
        raise UserError(f"{what} cannot be read.", _LOOK) from None
    if found != sha256:
        raise UserError(f"{what} has changed since it was reviewed.", _LOOK)


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
