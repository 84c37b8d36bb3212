"""Figures of scores against the truth, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit, xlogy

from napari_unet.core.evidence_metrics import placements

_ROUNDS = 2000


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Area under the ROC curve; nan without both kinds."""
    return float(np.mean(placements(scores, truth.tolist())))


def auc_interval(scores: np.ndarray, truth: np.ndarray, patients: Sequence[str], seed: int = 0) -> Interval:
    """With a percentile bootstrap in which patients are drawn, each with all of their images (Efron 1979)."""
    names, member = np.unique(np.asarray(patients), return_inverse=True)
    images = [np.flatnonzero(member == k) for k in range(len(names))]
    rng, found = np.random.default_rng(seed), []
    for _ in range(_ROUNDS):
        drawn = np.concatenate([images[k] for k in rng.integers(0, len(names), len(names))])
        found.append(auc(scores[drawn], truth[drawn]))
    low, high = np.nanpercentile(found, (2.5, 97.5))
    return Interval(auc(scores, truth), float(low), float(high))


@dataclass(frozen=True)
class Calibration:
    """slope, intercept : of the logistic regression of the truth on the logit of the score (Cox 1958); 1 and
    0 are perfect. brier : mean squared difference (Brier 1950). bins : mean score, share with the finding and
    number of images in each fifth of the scores, for a reliability plot."""

    slope: float
    intercept: float
    brier: float
    bins: tuple[tuple[float, float, int], ...]


def calibration(scores: np.ndarray, truth: np.ndarray) -> Calibration:
    """Of scores from 0 to 1 as probabilities."""
    x, y = logit(scores.clip(1e-4, 1 - 1e-4)), truth.astype(float)

    def loss(line: np.ndarray) -> float:
        p = expit(line[0] * x + line[1])
        return float(-(xlogy(y, p) + xlogy(1 - y, 1 - p)).mean())

    slope, intercept = minimize(loss, np.array([1.0, 0.0])).x
    fifths = np.array_split(np.argsort(scores), 5)
    bins = tuple(
        (round(float(scores[one].mean()), 3), round(float(y[one].mean()), 3), len(one)) for one in fifths
    )
    return Calibration(float(slope), float(intercept), float(((scores - y) ** 2).mean()), bins)
