"""A threshold for the scores of a finding, from cases of which the truth is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from napari_unet.core.errors import UserError

if TYPE_CHECKING:
    from napari_unet.core.prediction import Prediction

FEWEST = 50
"""Cases with the finding, and without it, that a calibration needs: with 50, the 95 % interval of a
sensitivity of 0.9 is 0.79 to 0.96."""

_DIGITS = 4


class Truth(StrEnum):
    """What a calibration takes for true."""

    FIRST_CALLS = "blind first calls"
    REFERENCE = "reference"


@dataclass(frozen=True)
class Calibration:
    """From which score on a model says yes, and on what that rests.

    threshold : 0 to 1; it belongs to this version of the model. sensitivity, specificity : on the cases
    that it rests on, each with its 95 % interval (Wilson 1927). source : how the truth of these is known.
    """

    finding: str
    model: str
    version: str
    threshold: float
    sensitivity: tuple[float, float, float]
    specificity: tuple[float, float, float]
    positives: int
    negatives: int
    source: str

    def in_words(self) -> str:
        """What stands beside the threshold."""
        rates = (
            f"{name} {share:.2f} ({low:.2f} to {high:.2f})"
            for name, (share, low, high) in (
                ("sensitivity", self.sensitivity),
                ("specificity", self.specificity),
            )
        )
        return (
            f"{100 * self.threshold:.0f}, by {self.source}: {self.positives} with, {self.negatives} without; "
            f"{', '.join(rates)}; {self.model} {self.version}"
        )


def calibrate(
    finding: str,
    scores: Sequence[float],
    truths: Sequence[bool],
    *,
    model: str,
    version: str,
    source: str,
    sensitivity: float = 0.9,
) -> Calibration:
    """The highest threshold that at least a share `sensitivity` of the cases with the finding reach.

    scores : 0 to 1, of the same cases as `truths`. Raises UserError if there are too few of a kind.
    """
    from napari_unet.core.second_reading import share_with_interval  # scipy, which no help needs

    known, truth = np.asarray(scores, float), np.asarray(truths, bool)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if min(positives, negatives) < FEWEST:
        raise UserError(
            f"Too few cases for {finding}: {positives} with it and {negatives} without, by {source}.",
            f"At least {FEWEST} of each with a score of {model} {version} are needed.",
        )
    threshold = reached_by(known[truth], sensitivity)
    said = known >= threshold
    return Calibration(
        finding,
        model,
        version,
        threshold,
        share_with_interval(int(said[truth].sum()), positives),
        share_with_interval(int((~said)[~truth].sum()), negatives),
        positives,
        negatives,
        source,
    )


def thresholds_of(found: Prediction, calibrations: Iterable[Calibration] = ()) -> dict[str, float]:
    """From which score on the model says yes, by finding: as calibrated in the project, else by its card."""
    own = {} if found.reading is None else dict(found.reading.thresholds)
    own |= {one.finding: one.threshold for one in of_model(calibrations, found.model, found.version)}
    return {name: own.get(name, found.threshold) for name in found.scores}


def of_model(calibrations: Iterable[Calibration], model: str, version: str) -> list[Calibration]:
    """Those of one version of a model."""
    return [one for one in calibrations if (one.model, one.version) == (model, version)]


def reached_by(scores: np.ndarray, share: float) -> float:
    """The highest threshold, rounded down to 4 digits, that at least `share` of the scores reach."""
    ordered = np.sort(scores)[::-1]
    lowest = float(ordered[max(0, int(np.ceil(share * len(ordered))) - 1)])
    return float(np.floor(lowest * 10**_DIGITS) / 10**_DIGITS)
