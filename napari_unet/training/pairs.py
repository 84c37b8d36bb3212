"""What stands in a TrainingPair: pixels and labels, checked; complaints name the case and no file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.gate import check_pixels
from napari_unet.core.geometry import MisplacedMask
from napari_unet.core.label_set import LUNGS
from napari_unet.core.labels import RIGHT, MaskLabels, NotLabels, array_labels, lung, strays
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.core.training_pair import TrainingPair
from napari_unet.io.formats import read_labels, read_mask, read_raster
from napari_unet.models.card import ModelCard

_LOOK = "Look at the case in the review, or leave it out."


class ReadPair(NamedTuple):
    """An image; its labels, uint8 of the same shape; what was assumed in reading them."""

    raster: Raster
    labels: np.ndarray
    notes: tuple[str, ...]


def read_pair(pair: TrainingPair, card: ModelCard) -> ReadPair:
    """The image and its labels: 0, 1 (right and left lung are one), IGNORE.

    A mask that is no revision of a project is read as `core.labels` says, an array like a file: 0 and one
    other value, 255 too, are background and lung. Notes name the case. Raises UserError if
    a file is missing, unreadable or not the one that was reviewed, if image and mask differ in size, or if
    the mask has labels that the model has no class for.
    """
    raster = _raster(pair)
    found = _labels(pair, raster)
    labels = found.labels
    if labels.shape != raster.shape:
        raise UserError(
            f"The mask of case {pair.id} has the size {_size(labels.shape)}, its image "
            f"{_size(raster.shape)}.",
            "Give the image its own mask, or leave the case out.",
        )
    known = card.output.labels
    unknown = strays(labels) if known == LUNGS else known.strays(labels)  # both sides are lung
    if unknown:
        raise UserError(
            f"The mask of case {pair.id} has the label {unknown[0]}; the model {card.name} knows "
            f"{known.in_words()}.",
            "Take the other labels out of the mask, or leave the case out.",
        )
    plain = np.where(lung(labels), RIGHT, labels).astype(np.uint8)
    return ReadPair(raster, plain, tuple(f"Case {pair.id}: {note}" for note in (*raster.notes, *found.notes)))


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
    raster = pair.image if isinstance(pair.image, Raster) else _read_image(pair, Source.of(pair.image))
    try:
        check_pixels(raster)
    except UserError as error:
        raise UserError(f"Case {pair.id}: {error.problem}", "Leave the case out.") from error
    return raster


def _read_image(pair: TrainingPair, source: Source) -> Raster:
    _expect(source, pair.content_hash, f"The image of case {pair.id}")
    try:
        return read_raster(source)
    except UserError:
        raise UserError(f"The image of case {pair.id} cannot be read.", _LOOK) from None


def _labels(pair: TrainingPair, raster: Raster) -> MaskLabels:
    if pair.revision:  # labels already: 255 beside nothing else is IGNORE in it
        return MaskLabels(_revision(pair) if isinstance(pair.mask, Path) else pair.mask)
    if not isinstance(pair.mask, np.ndarray):
        _expect(Source.of(pair.mask), "", f"The mask of case {pair.id}")
    try:
        return (
            array_labels(pair.mask)
            if isinstance(pair.mask, np.ndarray)
            else read_labels(pair.mask, of=raster)
        )
    except (NotLabels, MisplacedMask) as error:
        raise UserError(f"Case {pair.id}: {error.problem}", error.remedy) from None
    except UserError:
        raise UserError(f"The mask of case {pair.id} cannot be read.", _LOOK) from None


def _revision(pair: TrainingPair) -> np.ndarray:
    _expect(Source.of(str(pair.mask)), pair.revision, f"The mask of case {pair.id}")
    try:
        return read_mask(Path(str(pair.mask)))
    except UserError:
        raise UserError(f"The mask of case {pair.id} cannot be read.", _LOOK) from None


def _expect(source: Source, sha256: str, what: str) -> None:
    """Raises UserError if a file is not there, or not the one that was reviewed."""
    try:
        if source.missing():
            raise FileNotFoundError
        found = source.content_hash() if sha256 else ""
    except FileNotFoundError:
        raise UserError(f"{what} is missing.", _LOOK) from None
    except OSError:
        raise UserError(f"{what} cannot be read.", _LOOK) from None
    if found != sha256:
        raise UserError(f"{what} has changed since it was reviewed.", _LOOK)


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
