"""What is measured on one case: for a mask every label by every metric, and all of them as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.evidence_metrics import OF_MASKS, OF_SCORES, Metric
from napari_unet.core.label_set import BACKGROUND
from napari_unet.core.labels import IGNORE, lung
from napari_unet.models.card import ModelCard
from napari_unet.models.output import Output


@dataclass(frozen=True)
class Measure:
    """What a value is about: an output, one of its labels or findings ("" : all of it), a metric.

    against : as in Evidence.
    """

    output: str
    metric: Metric
    label: str = ""
    against: str = ""


@dataclass(frozen=True)
class Value:
    """A case by both models; nan where there is no answer. truth : as in CaseScore."""

    of: Measure
    old: float
    new: float
    truth: bool | None = None


def compared_outputs(
    old: ModelCard, new: ModelCard, answer: str | None = None
) -> tuple[tuple[Output, Output], ...]:
    """(an output of the new model, the parent's that it is compared with), the new model's default first.

    answer : the id of the one that is compared, None for all of them. The parent's is the one of the same id
    and task, else its default one if that has the task. Raises UserError if nothing can be compared.
    """
    found = []
    for ours in (new.output, *(output for output in new.outputs if output != new.output)):
        if answer not in (None, ours.id):
            continue
        theirs = next((output for output in old.outputs if output.id == ours.id), old.output)
        theirs = theirs if theirs.task == ours.task else old.output
        if theirs.task == ours.task:
            found.append((ours, theirs))
    if not found:
        raise UserError(
            f"{old.name} and {new.name} cannot be compared: one draws masks, the other gives scores.",
            "Choose two models for masks, or two for findings.",
        )
    return tuple(found)


def measures(output: Output, theirs: Output | None = None) -> tuple[Measure, ...]:
    """All that is measured for an output: as a whole first, then each label, if there are several.

    theirs : the parent's output that it is compared with, if it may be another one.
    """
    against = theirs.id if theirs is not None and theirs.id != output.id else ""
    if output.task == "classification":
        return tuple(
            Measure(output.id, metric, name, against) for name in output.findings for metric in OF_SCORES
        )
    names = output.labels.names if len(output.labels.labels) > 1 else ()
    return tuple(Measure(output.id, metric, name, against) for name in ("", *names) for metric in OF_MASKS)


def mask_values(
    ours: Output, theirs: Output, drawn: Sequence[np.ndarray], labels: np.ndarray, steps: tuple[float, float]
) -> tuple[Value, ...]:
    """What both models drew (labels of the parent's output and of ours) against `labels`, by `measures`.

    steps : size of a pixel. Pixels marked IGNORE do not count. As a whole: where the labels together are the
    lungs, those; else the mean of the labels in which both models have an answer. A label that the parent
    does not know has no answer of it.
    """
    known, ignore = ours.labels, labels == IGNORE
    several = known.labels if len(known.labels) > 1 else ()
    masks: dict[str, tuple[np.ndarray, ...]] = {}
    if not several or known.of_lungs:
        masks[""] = (lung(labels), *(one > BACKGROUND for one in drawn))
    for label in several:
        masks[label.name] = tuple(one == label.value for one in (labels, *drawn))
    unknown = _unknown(ours, theirs)
    found = {
        (name, metric.name): [
            nan if name in unknown and model == 0 else metric.of_mask(mask, reference, ignore, steps)
            for model, mask in enumerate(models)
        ]
        for name, (reference, *models) in masks.items()
        for metric in OF_MASKS
        if metric.of_mask is not None
    }
    values = []
    for of in measures(ours, theirs):
        pair = found.get((of.label, of.metric.name))
        if pair is None:
            pair = _mean([found[name, of.metric.name] for name in known.names])
        values.append(Value(of, pair[0], pair[1]))
    return tuple(values)


def score_values(
    ours: Output,
    theirs: Output,
    old: Mapping[str, float],
    new: Mapping[str, float],
    findings: Mapping[str, bool],
) -> tuple[Value, ...]:
    """The scores of both models for each finding that the case is known to have, or not to have.

    findings : by their names in small letters. A finding that the parent does not know has no answer of it.
    """
    return tuple(
        Value(of, old.get(of.label, nan), new[of.label], findings[of.label.casefold()])
        for of in measures(ours, theirs)
        if of.label.casefold() in findings
    )


def _unknown(ours: Output, theirs: Output) -> frozenset[str]:
    """Names of labels of ours that mean nothing, or something else, in the parent's output."""
    meanings = {label.meaning for label in theirs.labels.labels}
    return frozenset(label.name for label in ours.labels.labels if label.meaning not in meanings)


def _mean(pairs: list[list[float]]) -> list[float]:
    """Of both models, over the labels in which both have a value."""
    both = [pair for pair in pairs if not isnan(pair[0] - pair[1])]
    return [float(np.mean(side)) for side in zip(*both, strict=True)] if both else [nan, nan]
