"""What second reading has shown: minds changed, agreement, and accuracy where there is a reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from napari_unet.core.second_reading import (
    Accuracy,
    Agreement,
    Changes,
    FindingCall,
    Limit,
    Reading,
    accuracy,
    agreement,
    changes_of_mind,
    decided,
)
from napari_unet.review.store import ReviewProject

MODEL = "model"
UNCALIBRATED = 0.5
"""The threshold of a model that was not calibrated in the project."""

_PRESENT = 4  # the confidence from which a finding is called present


@dataclass(frozen=True)
class FindingSummary:
    """Of one finding, over the readings that were blind.

    agreement : of first calls, with the model's shown score ("model"), and between two readers ("Ann, Bob").
    accuracy : of first calls, final calls and the model, on cases with a reference; empty without one.
    """

    finding: str
    readings: int
    changes: Changes
    agreement: Mapping[str, Agreement] = field(default_factory=dict)
    accuracy: Mapping[str, Accuracy] = field(default_factory=dict)


def summaries(project: ReviewProject, threshold: float | None = None) -> list[FindingSummary]:
    """By finding, in the order of the first calls.

    threshold : of the model, 0 to 1, for all findings; None: the one that was calibrated in this project for
    the version that was shown, `UNCALIBRATED` where none was.
    """
    own = {(one.finding, one.model, one.version): one.threshold for one in project.calibrations()}

    def limit(one: Reading) -> float:
        return own.get((one.finding, *one.model), UNCALIBRATED) if threshold is None else threshold

    blind = [one for one in project.readings() if one.blind]
    known = project.references()
    return [
        _summary(name, [one for one in blind if one.finding == name], known, limit)
        for name in dict.fromkeys(one.finding for one in blind)
    ]


def _summary(
    finding: str, found: Sequence[Reading], known: Mapping[tuple[str, str], bool], limit: Limit
) -> FindingSummary:
    truths = {case: present for (case, name), present in known.items() if name == finding}
    return FindingSummary(
        finding,
        len(found),
        changes_of_mind(found, limit),
        _agreements(found, limit),
        _accuracies(found, truths, limit) if truths else {},
    )


def _agreements(found: Sequence[Reading], limit: Limit) -> dict[str, Agreement]:
    """With the model, of all readers together, then of readers by twos; "cannot tell" takes no side."""
    pairs = [(one.first.present, one.score >= limit(one)) for one in found if one.score is not None]
    sides = [(said, model) for said, model in pairs if said is not None]
    by_reader: dict[str, dict[str, FindingCall]] = {}
    for one in found:
        by_reader.setdefault(one.reader, {})[one.case] = one.first
    agreed = {MODEL: agreement(*_columns(sides))}
    for a, b in combinations(by_reader, 2):
        ours, theirs = decided(by_reader[a]), decided(by_reader[b])
        agreed[f"{a}, {b}"] = agreement(*_columns([(ours[c], theirs[c]) for c in ours if c in theirs]))
    return agreed


def _columns(pairs: Sequence[tuple[bool, bool]]) -> tuple[list[bool], list[bool]]:
    return [one for one, _ in pairs], [other for _, other in pairs]


def _accuracies(found: Sequence[Reading], truths: Mapping[str, bool], limit: Limit) -> dict[str, Accuracy]:
    """Of the calls of all readers together, and of the model's score once per case."""
    known = [one for one in found if one.case in truths]

    def of_calls(call: Callable[[Reading], FindingCall | None]) -> Accuracy:
        said = [(one.case, made) for one in known if (made := call(one)) is not None]
        return accuracy(
            [made.confidence for _, made in said],
            [truths[case] for case, _ in said],
            _PRESENT,
            sum(made.present is None for _, made in said),
        )

    shown = {one.case: one for one in known if one.score is not None}  # the last one of each case
    return {
        "first calls": of_calls(lambda one: one.first),
        "final calls": of_calls(lambda one: one.final),
        MODEL: _of_model(list(shown.values()), truths, limit),
    }


def _of_model(shown: Sequence[Reading], truths: Mapping[str, bool], limit: Limit) -> Accuracy:
    """Each score counts from its own threshold on; where versions differ, the scores are ranked together."""
    found = [one.score or 0.0 for one in shown]
    known = [truths[one.case] for one in shown]
    said = accuracy([float(one.score is not None and one.score >= limit(one)) for one in shown], known, 1.0)
    return replace(said, auc=accuracy(found, known, 0.5).auc)
