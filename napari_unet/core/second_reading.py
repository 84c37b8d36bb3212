"""Calls on findings by a reader who sees a model's score only after a first call, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from napari_unet.core.evidence_metrics import placements

CONFIDENCE = {1: "absent", 2: "probably absent", 3: "cannot tell", 4: "probably present", 5: "present"}
"""What a reader may say of a finding."""


@dataclass(frozen=True)
class FindingCall:
    """What a reader says of one finding. confidence : one of CONFIDENCE. zone : where it is, or ""."""

    confidence: int
    zone: str = ""

    def __post_init__(self) -> None:
        if self.confidence not in CONFIDENCE:
            raise ValueError(f"confidence must be 1 to 5, got {self.confidence}")

    @property
    def present(self) -> bool | None:
        """Whether the reader calls it present; None if they cannot tell."""
        return None if self.confidence == 3 else self.confidence > 3


@dataclass(frozen=True)
class Reading:
    """What one reader said of one finding in one case, before and after the model's score was shown.

    score : the model's, 0 to 1, as it was shown; None if it was not. final : None if there is none. blind :
    whether no score of the project could be seen before the first call; only then is it a second reading.
    model : what the score is by, name and version; ("", "") without one.
    """

    case: str
    reader: str
    finding: str
    first: FindingCall
    score: float | None = None
    final: FindingCall | None = None
    blind: bool = True
    model: tuple[str, str] = "", ""


Limit = Callable[[Reading], float]
"""From which score on the model that a reader was shown says yes, 0 to 1."""


@dataclass(frozen=True)
class Changes:
    """How often readers changed their mind after they had seen the score.

    n : readings with a final call. up, down : of them, how many became more or less confident that the
    finding is there. to_present, to_absent : how many crossed from one side to the other, or took a side
    after "cannot tell". towards, away : how many confidences moved towards the model's side, or away from it.
    """

    n: int
    up: int
    down: int
    to_present: int
    to_absent: int
    towards: int
    away: int


def changes_of_mind(readings: Iterable[Reading], limit: Limit) -> Changes:
    """Counts over the readings that are blind and have a final call."""
    counted = {name: 0 for name in Changes.__dataclass_fields__}
    for one in readings:
        if not one.blind or one.final is None:
            continue
        step = one.final.confidence - one.first.confidence
        counted["n"] += 1
        counted["up"] += step > 0
        counted["down"] += step < 0
        if one.final.present is not one.first.present:
            counted["to_present"] += one.final.present is True
            counted["to_absent"] += one.final.present is False
        if step and one.score is not None:
            counted["towards" if (step > 0) == (one.score >= limit(one)) else "away"] += 1
    return Changes(**counted)


@dataclass(frozen=True)
class Agreement:
    """How two judges agree on yes and no.

    n : what both have judged. kappa : agreement beyond chance (Cohen 1960). positive, negative : the share of
    yes, and of no, in which they agree (Cicchetti and Feinstein 1990): kappa alone misleads where one of them
    is rare. nan where nothing can be said.
    """

    n: int
    kappa: float
    positive: float
    negative: float


def agreement(ones: Sequence[bool], others: Sequence[bool]) -> Agreement:
    """Of two judges about the same things, in the same order."""
    a, b = np.asarray(ones, bool), np.asarray(others, bool)
    n = len(a)
    if not n:
        return Agreement(0, nan, nan, nan)
    both, neither, apart = int((a & b).sum()), int((~a & ~b).sum()), int((a != b).sum())
    by_chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
    seen = (both + neither) / n
    return Agreement(
        n,
        float((seen - by_chance) / (1 - by_chance)) if by_chance < 1 else nan,
        2 * both / (2 * both + apart) if both or apart else nan,
        2 * neither / (2 * neither + apart) if neither or apart else nan,
    )


@dataclass(frozen=True)
class Accuracy:
    """Against a reference. sensitivity and specificity : each with its 95 % interval (Wilson 1927).

    auc : area under the ROC curve of confidences or scores. undecided : calls of "cannot tell", which count
    as absent. nan where there are none with, or none without, the finding.
    """

    positives: int
    negatives: int
    sensitivity: tuple[float, float, float]
    specificity: tuple[float, float, float]
    auc: float
    undecided: int = 0


def accuracy(
    values: Sequence[float], truths: Sequence[bool], threshold: float, undecided: int = 0
) -> Accuracy:
    """Of scores, or of confidences (threshold 4), against what is known; one at the threshold is a yes."""
    found, truth = np.asarray(values, float), np.asarray(truths, bool)
    said = found >= threshold
    positives, negatives = int(truth.sum()), int((~truth).sum())
    return Accuracy(
        positives,
        negatives,
        share_with_interval(int(said[truth].sum()), positives),
        share_with_interval(int((~said)[~truth].sum()), negatives),
        float(np.mean(placements(found, truth.tolist()))) if len(found) else nan,
        undecided,
    )


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float, float]:
    """(positive, negative) predictive value where a share `prevalence` of the cases has the finding (Bayes).

    All from 0 to 1; nan where nothing is called so.
    """
    hits, misses = sensitivity * prevalence, (1 - sensitivity) * prevalence
    false_alarms, passes = (1 - specificity) * (1 - prevalence), specificity * (1 - prevalence)
    called, passed = hits + false_alarms, misses + passes
    return hits / called if called else nan, passes / passed if passed else nan


def share_with_interval(hits: int, n: int) -> tuple[float, float, float]:
    """(share, lower and upper end of its 95 % interval), by Wilson's score method (1927); nan of none."""
    if not n:
        return nan, nan, nan
    from scipy.stats import binomtest  # half a second, which no window needs in order to open

    found = binomtest(hits, n).proportion_ci(method="wilson")
    return hits / n, float(found.low), float(found.high)


def decided(calls: Mapping[str, FindingCall]) -> dict[str, bool]:
    """Of those by case in which the reader takes a side, which side."""
    return {case: call.present for case, call in calls.items() if call.present is not None}
