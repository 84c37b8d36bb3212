"""Masks against reference masks: how well they agree, label by label."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.events import Note
from napari_unet.core.geometry import MisplacedMask
from napari_unet.core.labels import IGNORE, NotLabels, ignored, lung, values_in
from napari_unet.core.metrics import Scores, scores
from napari_unet.core.wording import size_in_words
from napari_unet.io.dicom_seg_read import is_seg, read_seg
from napari_unet.io.formats import read_labels, read_raster

LUNG = "lung"
_ON_ITS_SIDE = " One of them may have been drawn before the picture was turned upright."


class SizesDiffer(UserError):
    """Two masks of one name are not of one image."""


@dataclass(frozen=True)
class CaseScores:
    """Scores of one label of one case; label is "lung" for two-valued masks, else the number in the file."""

    case: str
    label: str
    scores: Scores


def score_case(case: str, prediction: Path, reference: Path) -> Iterator[CaseScores | Note]:
    """Notes on what was assumed in reading the masks, then scores label by label.

    Both masks are read by `io.formats.read_labels`. A two-valued mask has one label, "lung". Other values are
    kept as labels of their own where both masks have several; against a two-valued mask they count together
    as lung. Pixels that either mask ignores (255 beside other labels) do not count. Distances are in mm
    where one of the files knows its spacing. A prediction on another grid is put onto that of the reference
    (core.geometry). Raises UserError with the file's name if one cannot be read, is not a mask or lies
    elsewhere, SizesDiffer if the sizes differ.
    """
    mask = yield from _read(prediction, of=reference)
    truth = yield from _read(reference)
    if mask.shape != truth.shape:
        raise SizesDiffer(
            f"{prediction.name} has the size {size_in_words(mask.shape)}, its reference "
            f"{reference.name} {size_in_words(truth.shape)}.",
            "Both must be masks of the same image at the same size."
            + (_ON_ITS_SIDE if mask.shape == truth.shape[:-2] + truth.shape[:-3:-1] else ""),
        )
    spacing = _spacing(reference) or _spacing(prediction)
    ignore = ignored(mask, truth)
    labels, others = _values(mask), _values(truth)
    if len(labels) < 2 or len(others) < 2:
        yield CaseScores(case, LUNG, scores(lung(mask), lung(truth), spacing, ignore))
        return
    for label in sorted({*labels, *others}):
        yield CaseScores(case, str(label), scores(mask == label, truth == label, spacing, ignore))


def _read(path: Path, of: Path | None = None) -> Generator[Note, None, np.ndarray]:
    try:
        found = read_labels(path, any_label=True, of=of)
    except (NotLabels, MisplacedMask) as error:
        raise UserError(f"{path.name}: {error.problem}", error.remedy) from error
    for note in found.notes:
        yield Note(f"{path.name}: {note}")
    return found.labels


def _values(mask: np.ndarray) -> list[int]:
    """The labels that count."""
    return [value for value in values_in(mask) if value not in (0, IGNORE)]


def _spacing(path: Path) -> tuple[float, ...] | None:
    try:
        if is_seg(path):
            return read_seg(path).spacing_mm
        return read_raster(path).spacing_mm
    except UserError:
        return None
