"""What is in a TrainingPair: pixels and labels, checked.

Complaints name the case and no file; a recipe's pair is named by its files.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.geometry import MisplacedMask
from napari_unet.core.input_check import check_pixels
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.labels import RIGHT, MaskLabels, NotLabels, array_labels, lung
from napari_unet.core.labels_in_file import labels_in_file
from napari_unet.core.lung_division import divide_lungs
from napari_unet.core.lung_sides import split_left_right
from napari_unet.core.raster import Modality, Raster, modality_of
from napari_unet.core.source import Source
from napari_unet.core.training_pair import TrainingPair
from napari_unet.core.wording import size_in_words
from napari_unet.io.formats import read_labels, read_mask, read_raster
from napari_unet.models.card import ModelCard


class ReadPair(NamedTuple):
    """An image; its labels, uint8 of the same shape; what was assumed in reading them."""

    raster: Raster
    labels: np.ndarray
    notes: tuple[str, ...]


def read_pair(pair: TrainingPair, card: ModelCard) -> ReadPair:
    """The image and its labels: 0, those of the card's `output`, IGNORE.

    For a model that does not separate the lungs both are one label; for one that does, a mask that does
    not is divided by their places, and a note says so. A mask that is not a revision of a project is read as
    `core.labels_in_file` says, an array like a file: of lungs 0 and one other value, 255 too, are background
    and lung. Notes name the case. Raises UserError if a file is missing, unreadable or not the one that was
    reviewed, if image and mask differ in size, or if the mask has labels that the model has no class for.
    """
    if pair.mask is None:
        raise UserError(f"{_image(pair)} has no mask.", "Add one, or leave the case out.")
    raster = read_image(pair)
    known = card.output.labels
    found = _labels(pair, pair.mask, raster, known)
    labels = found.labels
    if labels.shape != raster.shape:
        raise UserError(
            f"The mask of {_case(pair)} has the size {size_in_words(labels.shape)}, its image "
            f"{size_in_words(raster.shape)}.",
            "Give the image its own mask, or leave the case out.",
        )
    said = pair.label_set
    if said is not None and not (known.takes(said) and said.takes(known)):
        raise UserError(
            f"The mask of {_case(pair)} holds {said.in_words()}; the model {card.name} knows "
            f"{known.in_words()}.",
            "Choose a model with these labels.",
        )
    if unknown := known.strays(labels):
        raise UserError(
            f"The mask of {_case(pair)} has the label {unknown[0]}; the model {card.name} knows "
            f"{known.in_words()}.",
            "Remove the other labels from the mask, or leave the case out.",
        )
    notes = [f"{_image(pair)}: {note}" for note in raster.notes]
    notes += [f"{_mask(pair)}: {note}" for note in found.notes]
    if known.of_lungs and not known.tells_sides:
        labels = np.where(lung(labels), RIGHT, labels)
    elif known.of_lungs and lung(labels).any() and not (said or LUNGS).of_mask(labels).tells_sides:
        labels = np.where(lung(labels), _sides(lung(labels), raster, card.output.mask_rule.per_slice), labels)
        notes.append(f"{_mask(pair)}: Right and left lung were told apart by where they lie.")
    return ReadPair(raster, labels.astype(np.uint8, copy=False), tuple(notes))


def _sides(mask: np.ndarray, raster: Raster, per_slice: bool) -> np.ndarray:
    """Labels of both lungs: of a CT along the membrane between them, else where fewest pixels are between."""
    if mask.ndim == 3 and raster.spacing_mm is not None and modality_of(raster) is Modality.CT:
        return divide_lungs(mask, raster.pixels, raster.spacing_mm, raster.row_direction)
    return split_left_right(mask, raster.row_direction, per_slice=per_slice)


def chosen_slices(pair: TrainingPair, raster: Raster) -> list[int]:
    """Which slices of a stack count. Raises UserError if one of them is not there, or none is chosen."""
    slices = list(range(len(raster.pixels))) if pair.slices is None else list(pair.slices)
    if not slices or not all(0 <= z < len(raster.pixels) for z in slices):
        raise UserError(
            f"{_image(pair)} is a stack of {len(raster.pixels)} slices, and those chosen are not among them.",
            "Choose existing slices.",
        )
    return slices


def read_image(pair: TrainingPair) -> Raster:
    """The image alone. Raises UserError as `read_pair` does."""
    raster = pair.image if isinstance(pair.image, Raster) else _read_image(pair)
    try:
        check_pixels(raster)
    except UserError as error:
        raise UserError(f"{_image(pair)}: {error.problem}", "Leave the case out.") from error
    return raster


def _read_image(pair: TrainingPair) -> Raster:
    _expect(pair, pair.source, pair.content_hash, "image")
    try:
        return read_raster(pair.source)
    except UserError as error:
        raise error if pair.split else _unusable(pair, "image", "cannot be read") from None


def _labels(pair: TrainingPair, mask: Path | np.ndarray, raster: Raster, known: LabelSet) -> MaskLabels:
    if isinstance(mask, Path):
        _expect(pair, Source.of(mask), pair.revision, "mask")
    try:
        if pair.revision:  # labels already: 255 beside nothing else is IGNORE in it
            return MaskLabels(mask if isinstance(mask, np.ndarray) else read_mask(mask))
        if isinstance(mask, np.ndarray):
            return array_labels(mask) if known.of_lungs else labels_in_file(mask, known)
        return read_labels(mask, of=raster, labels=known)
    except (NotLabels, MisplacedMask) as error:
        raise UserError(f"{_mask(pair)}: {error.problem}", error.remedy) from None
    except UserError as error:
        raise error if pair.split else _unusable(pair, "mask", "cannot be read") from None


def _expect(pair: TrainingPair, source: Source, sha256: str, what: str) -> None:
    """Raises UserError if a file is not there, or not the one that was reviewed."""
    try:
        if source.missing():
            raise FileNotFoundError
        found = source.content_hash() if sha256 else ""
    except FileNotFoundError:
        raise _unusable(pair, what, "is missing") from None
    except OSError:
        raise _unusable(pair, what, "cannot be read") from None
    if found != sha256:
        raise _unusable(pair, what, "has changed since it was reviewed")


def _unusable(pair: TrainingPair, what: str, problem: str) -> UserError:
    where = "folder of the recipe" if pair.split else "review"
    return UserError(
        f"The {what} of {_case(pair)} {problem}.", f"Look at it in the {where}, or leave it out."
    )


def _case(pair: TrainingPair) -> str:
    """In a sentence: "case 7", or a recipe's image."""
    return pair.id if pair.split else f"case {pair.id}"


def _image(pair: TrainingPair) -> str:
    """Before a sentence about the image."""
    return pair.id if pair.split else f"Case {pair.id}"


def _mask(pair: TrainingPair) -> str:
    """Before a sentence about the mask."""
    return pair.mask.name if pair.split and isinstance(pair.mask, Path) else _image(pair)
