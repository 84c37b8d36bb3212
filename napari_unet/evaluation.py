"""Masks against reference masks: how well they agree, label by label."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.metrics import Scores, scores
from napari_unet.io.formats import read_mask, read_raster

LUNG = "lung"


class SizesDiffer(UserError):
    """Two masks of one name are not of one image."""


@dataclass(frozen=True)
class CaseScores:
    """Scores of one label of one case; label is "lung" for two-valued masks, else the number in the file."""

    case: str
    label: str
    scores: Scores


def score_case(case: str, prediction: Path, reference: Path) -> Iterator[CaseScores]:
    """Scores label by label. Raises UserError if a file cannot be read, SizesDiffer if the sizes differ.

    A two-valued mask has one label, "lung": all that is greater than 0. Other values are kept as labels of
    their own where both masks have several; against a two-valued mask they count together as lung. Distances
    are in mm where one of the files knows its spacing.
    """
    mask, truth = read_mask(prediction), read_mask(reference)
    if mask.shape != truth.shape:
        raise SizesDiffer(
            f"{prediction.name} has the size {_size(mask)}, its reference {reference.name} {_size(truth)}.",
            "Both must be masks of the same image at the same size.",
        )
    spacing = _spacing(reference) or _spacing(prediction)
    labels, others = _values(mask), _values(truth)
    if len(labels) < 2 or len(others) < 2:
        yield CaseScores(case, LUNG, scores(mask > 0, truth > 0, spacing))
        return
    for label in sorted({*labels, *others}):
        yield CaseScores(case, str(label), scores(mask == label, truth == label, spacing))


def _values(mask: np.ndarray) -> list[int]:
    """The values greater than 0."""
    return [int(value) for value in np.unique(mask) if value > 0]


def _spacing(path: Path) -> tuple[float, ...] | None:
    try:
        return read_raster(path).spacing_mm
    except UserError:
        return None


def _size(mask: np.ndarray) -> str:
    return " × ".join(map(str, mask.shape))
