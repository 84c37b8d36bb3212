"""Evidence: what one metric says about two models, on the cases of one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import isnan

import numpy as np

from napari_unet.core.evidence_metrics import METRICS, Metric
from napari_unet.core.paired_tests import balance, signed_rank_test, swap_test

LEAST = 6
"""Patients without whom nothing is proved: five cannot reach p < 0.05 in the test, whatever they say."""


class Movement(StrEnum):
    """What a new model does to a set of cases; "perhaps" where it may be chance."""

    BETTER = "better"
    PERHAPS_BETTER = "perhaps better"
    UNCHANGED = "unchanged"
    PERHAPS_UNCHANGED = "perhaps unchanged"
    PERHAPS_WORSE = "perhaps worse"
    WORSE = "worse"


@dataclass(frozen=True)
class CaseScore:
    """The values of one case for both models.

    Parameters
    ----------
    id : str
        Id of the case.
    old, new : float
        nan where the metric is undefined (`core.metrics`).
    group : str
        The same for cases of one patient or, if that is unknown, with one file or one look. "" if nothing is
        known; the case then counts as a separate patient.
    truth : bool, optional
        For a score, whether the case has the finding. None for masks.
    """

    id: str
    old: float
    new: float
    group: str = ""
    truth: bool | None = None


@dataclass(frozen=True)
class Evidence:
    """What one metric says about two models on the cases of one place, for one output of the new model.

    Parameters
    ----------
    place : str
        As in "better on your images".
    output : str
        Id of the output.
    metric : str
        Name in `core.evidence_metrics.METRICS`. An unknown metric, from a newer version, is for information.
    up_is_better : bool
        Whether larger values are better.
    cases : tuple of CaseScore
        The values.
    unit : str
        Of the values: "mm", "px", or "" without a unit.
    label : str
        A label or a finding of the output. "" for the whole output.
    against : str
        The parent's output that it was compared with. "" for the one with the same id.
    """

    place: str
    output: str
    metric: str
    up_is_better: bool
    cases: tuple[CaseScore, ...]
    unit: str = ""
    label: str = ""
    against: str = ""

    @classmethod
    def of(
        cls,
        metric: Metric,
        place: str,
        output: str,
        cases: Iterable[CaseScore],
        unit: str | None = None,
        label: str = "",
        against: str = "",
    ) -> Evidence:
        """Make evidence for a metric of the table. `unit` None stands for the metric's own."""
        unit = metric.unit if unit is None else unit
        return cls(place, output, metric.name, metric.up_is_better, tuple(cases), unit, label, against)

    @property
    def rules(self) -> Metric:
        """The metric's row in the table of metrics."""
        return METRICS.get(self.metric) or Metric(self.metric, self.metric, self.up_is_better)

    @property
    def judges(self) -> bool:
        """Whether it affects the verdict; otherwise it is for information."""
        return self.rules.harm is not None

    @property
    def compared(self) -> tuple[CaseScore, ...]:
        """The cases for which both models have a value. The others never count."""
        return tuple(case for case in self.cases if not isnan(case.new - case.old))

    @property
    def tested(self) -> bool:
        """Whether there is a result at all."""
        return not isnan(self.new - self.old)

    @property
    def old(self) -> float:
        """The parent's figure over the compared cases (for Dice the mean); nan if there are none."""
        return _mean(self._added("old"))

    @property
    def new(self) -> float:
        """The new model's figure."""
        return _mean(self._added("new"))

    @property
    def gain(self) -> float:
        """By how much the new model is better; negative if it is worse."""
        return self._sign * (self.new - self.old)

    def gain_of(self, case: CaseScore) -> float:
        """By how much the new model's value of one case is better; nan where one is missing."""
        towards = -1 if case.truth is False else 1  # the score of a case without the finding should be low
        return towards * self._sign * (case.new - case.old)

    @property
    def wins(self) -> int:
        """Cases in which the new model is better."""
        return sum(self.gain_of(case) > 0 for case in self.cases)

    @property
    def worst(self) -> CaseScore | None:
        """The case that loses most, or gains least."""
        return min(self.compared, key=self.gain_of, default=None)

    @property
    def gains(self) -> tuple[float, ...]:
        """Of each patient the mean of what its cases gain; several cases of one count once."""
        found: dict[str, list[float]] = {}
        for patient, old, new in zip(self._patients, self._added("old"), self._added("new"), strict=True):
            found.setdefault(patient, []).append(self._sign * (new - old))
        return tuple(float(np.mean(gains)) for gains in found.values())

    @property
    def patients(self) -> int:
        """How many people were compared, as far as that is known."""
        return len(set(self._patients))

    @cached_property
    def p_value(self) -> float:
        """Of a two-sided paired test over patients; nan under LEAST of them."""
        if self.patients < LEAST or not self.tested:
            return float("nan")
        if not self.rules.ranks_scores:
            return signed_rank_test(self.gains)
        cases = self.compared
        scores = ([case.old for case in cases], [case.new for case in cases])
        return swap_test(*scores, [bool(case.truth) for case in cases], self._patients)

    @property
    def test(self) -> str:
        """Name of the paired test."""
        return "Permutation test" if self.rules.ranks_scores else "Wilcoxon signed-rank test"

    @property
    def change(self) -> Movement:
        """Better or worse, if the figure moved noticeably and the paired test agrees (p < 0.05)."""
        return self.moved(0.05)

    def moved(self, level: float) -> Movement:
        """Return `change` for another significance level: "perhaps" if the test does not reach it.

        The mean of all cases, the mean of all patients and the ranks in the test must point the same way.
        With fewer than six patients there is no test, and no change is more than "perhaps".
        """
        gains, gain = self.gains, self.gain
        if isnan(gain) or abs(gain) <= self.rules.noticeable:
            return Movement.UNCHANGED if self.patients >= LEAST else Movement.PERHAPS_UNCHANGED
        agree = min(float(np.mean(gains)) * np.sign(gain), balance(gains) * np.sign(gain)) > 0
        noticeable = abs(np.mean(gains)) > self.rules.noticeable
        certain = bool(agree and noticeable and self.p_value < level)
        if gain > 0:
            return Movement.BETTER if certain else Movement.PERHAPS_BETTER
        return Movement.WORSE if certain else Movement.PERHAPS_WORSE

    @property
    def harmed(self) -> bool:
        """Whether it lost more than the metric's `harm`, significant or not: even if by chance."""
        return self.rules.harm is not None and self.gain < -self.rules.harm

    @property
    def missing(self) -> str:
        """A sentence for people if there are cases but no result, else ""."""
        if self.tested or not self.compared:
            return ""
        of = f" of {self.label}" if self.label else ""
        return f"{self.rules.title}{of} on {self.place} needs cases with and cases without the finding."

    @property
    def _sign(self) -> int:
        return 1 if self.up_is_better else -1

    @property
    def _patients(self) -> list[str]:
        """Of each compared case."""
        return [case.group or f"case {k}" for k, case in enumerate(self.compared)]

    def _added(self, side: str) -> list[float]:
        """What each compared case adds to the figure of one model."""
        cases = self.compared
        values = np.array([getattr(case, side) for case in cases], float)
        return list(map(float, self.rules.added(values, [case.truth for case in cases])))


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
