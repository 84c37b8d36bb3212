"""Evidence: what one metric says of two models on the cases of one place."""

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
    PERHAPS_WORSE = "perhaps worse"
    WORSE = "worse"


@dataclass(frozen=True)
class CaseScore:
    """One case by both models; nan where there is no answer (core.metrics).

    group : the same for cases of one patient or, where that is not known, of one file or one look; "" where
    nothing is known: then the case counts as a patient of its own. truth : of a score, whether the case has
    the finding; None for masks.
    """

    id: str
    old: float
    new: float
    group: str = ""
    truth: bool | None = None


@dataclass(frozen=True)
class Evidence:
    """The cases of one place by one metric, for one output of the new model.

    place : as in "better on your images". output : its id. metric : its name in METRICS; one that is not
    there, of a newer version, informs. unit : of the values, "mm" or "px"; "" without one. label : a label or
    a finding of the output; "" for all of it. against : the parent's output that it was compared with, ""
    for the one of the same id.
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
        """By a metric of the table. unit : None for the metric's own."""
        unit = metric.unit if unit is None else unit
        return cls(place, output, metric.name, metric.up_is_better, tuple(cases), unit, label, against)

    @property
    def rules(self) -> Metric:
        """The row of the metric."""
        return METRICS.get(self.metric) or Metric(self.metric, self.metric, self.up_is_better)

    @property
    def judges(self) -> bool:
        """Whether the verdict depends on it, and not the eye alone."""
        return self.rules.harm is not None

    @property
    def compared(self) -> tuple[CaseScore, ...]:
        """The cases in which both models have a value; the others count nowhere."""
        return tuple(case for case in self.cases if not isnan(case.new - case.old))

    @property
    def tested(self) -> bool:
        """Whether there is an answer at all."""
        return not isnan(self.new - self.old)

    @property
    def old(self) -> float:
        """The figure of the parent (for Dice the mean) over the cases that are compared; nan without any."""
        return _mean(self._added("old"))

    @property
    def new(self) -> float:
        """The figure of the new model."""
        return _mean(self._added("new"))

    @property
    def gain(self) -> float:
        """By how much the new model is better; under 0 if it is worse."""
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
        """Of each patient the mean of what its cases gain; several cases of one are one voice."""
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
        """The name of the paired test."""
        return "Permutation test" if self.rules.ranks_scores else "Wilcoxon signed-rank test"

    @property
    def change(self) -> Movement:
        """Better or worse if the figure moved noticeably and the paired test agrees (p < 0.05)."""
        return self.moved(0.05)

    def moved(self, level: float) -> Movement:
        """`change`, with another level of the test: "perhaps" where it does not reach that.

        The mean of all cases, the mean of all patients and the ranks in the test must point the same way.
        Under LEAST patients there is no test, and nothing is more than "perhaps".
        """
        gains, gain = self.gains, self.gain
        if isnan(gain) or abs(gain) <= self.rules.noticeable:
            return Movement.UNCHANGED
        agree = min(float(np.mean(gains)) * np.sign(gain), balance(gains) * np.sign(gain)) > 0
        noticeable = abs(np.mean(gains)) > self.rules.noticeable
        certain = bool(agree and noticeable and self.p_value < level)
        if gain > 0:
            return Movement.BETTER if certain else Movement.PERHAPS_BETTER
        return Movement.WORSE if certain else Movement.PERHAPS_WORSE

    @property
    def harmed(self) -> bool:
        """Whether it lost more than the metric's `harm`, tested or not: a loss is not excused by chance."""
        return self.rules.harm is not None and self.gain < -self.rules.harm

    @property
    def missing(self) -> str:
        """A sentence for people where there are cases and no answer, else ""."""
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
