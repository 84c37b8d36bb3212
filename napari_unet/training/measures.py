"""What is measured on one case: for a mask every label by every metric, and all of them as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan

import numpy as np

from napari_unet.core.evidence_metrics import OF_MASKS, OF_SCORES, Metric
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT, LabelSet
from napari_unet.core.labels import IGNORE
from napari_unet.core.prediction import Prediction
from napari_unet.models.card import Output

_LUNGS = (LUNGS, RIGHT_AND_LEFT)  # all labels together are the lungs


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


def measures(output: Output, against: str = "") -> tuple[Measure, ...]:
    """All that is measured for an output: as a whole first, then each label, if there are several."""
    if output.task == "classification":
        return tuple(
            Measure(output.id, metric, name, against) for name in output.findings for metric in OF_SCORES
        )
    names = output.labels.names if len(output.labels.labels) > 1 else ()
    return tuple(Measure(output.id, metric, name, against) for name in ("", *names) for metric in OF_MASKS)


def mask_values(
    output: Output,
    against: str,
    old: tuple[Prediction, np.ndarray],
    new: tuple[Prediction, np.ndarray],
    labels: np.ndarray,
    steps: tuple[float, float],
) -> tuple[Value, ...]:
    """The masks of both models against `labels`, by `measures`.

    old, new : each with its mask as a whole. steps : size of a pixel.

    Pixels marked IGNORE count nowhere. As a whole: where the labels together are the lungs, those; else the
    mean of the labels in which both models have an answer.
    """
    known, ignore = output.labels, labels == IGNORE
    several = len(known.labels) > 1
    parts = known.values if several else ()
    names = known.names if several else ()
    masks: dict[str, tuple[np.ndarray, ...]] = {}
    if not several or known in _LUNGS:
        masks[""] = (_inside(labels, known), old[1], new[1])
    drawn = [one.labels() for one, _ in (old, new)] if several else []
    for value, name in zip(parts, names, strict=True):
        masks[name] = (labels == value, *(one == value for one in drawn))
    found = {
        (name, metric.name): [metric.of_mask(mask, reference, ignore, steps) for mask in models]
        for name, (reference, *models) in masks.items()
        for metric in OF_MASKS
        if metric.of_mask is not None
    }
    values = []
    for of in measures(output, against):
        pair = found.get((of.label, of.metric.name))
        if pair is None:
            pair = _mean([found[name, of.metric.name] for name in names])
        values.append(Value(of, pair[0], pair[1]))
    return tuple(values)


def _inside(labels: np.ndarray, known: LabelSet) -> np.ndarray:
    return np.asarray(np.isin(labels, known.values))


def _mean(pairs: list[list[float]]) -> list[float]:
    """Of both models, over the labels in which both have a value."""
    both = [pair for pair in pairs if not isnan(pair[0] - pair[1])]
    return [float(np.mean(side)) for side in zip(*both, strict=True)] if both else [nan, nan]
