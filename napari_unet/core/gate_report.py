"""GateReport: a new model against the one it was made from, case by case, and what that means in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isnan

import numpy as np

NOTICEABLE = 0.005
"""Mean Dice must change by more than this to be called better or worse."""

HARM = 0.012
"""The mean Dice of the reference set must not fall by more than this."""


class Movement(StrEnum):
    """What a new model does to a set of cases; "perhaps" where it may be chance."""

    BETTER = "better"
    PERHAPS_BETTER = "perhaps better"
    UNCHANGED = "unchanged"
    PERHAPS_WORSE = "perhaps worse"
    WORSE = "worse"


@dataclass(frozen=True)
class CaseScore:
    """One case by both models: Dice, and HD95 in the side's unit (nan rules as in core.metrics)."""

    id: str
    old_dice: float
    new_dice: float
    old_hd95: float
    new_hd95: float


@dataclass(frozen=True)
class GateSide:
    """The cases of one place. name : as in "better on your images". unit : of HD95, "mm" or "px"."""

    name: str
    cases: tuple[CaseScore, ...]
    unit: str = "px"

    @property
    def compared(self) -> tuple[CaseScore, ...]:
        """The cases in which both models have a Dice value; the others count nowhere."""
        return tuple(case for case in self.cases if not isnan(case.new_dice - case.old_dice))

    @property
    def old(self) -> float:
        """Mean Dice of the parent, nan without cases."""
        return _mean([case.old_dice for case in self.compared])

    @property
    def new(self) -> float:
        """Mean Dice of the new model."""
        return _mean([case.new_dice for case in self.compared])

    @property
    def old_hd95(self) -> float:
        """Mean HD95 of the parent over the cases in which both models have one, in `unit`."""
        return _mean([case.old_hd95 for case in self.cases if not isnan(case.new_hd95)])

    @property
    def new_hd95(self) -> float:
        """Mean HD95 of the new model over the same cases."""
        return _mean([case.new_hd95 for case in self.cases if not isnan(case.old_hd95)])

    @property
    def wins(self) -> int:
        """Cases in which the new model's Dice is higher."""
        return sum(case.new_dice > case.old_dice for case in self.cases)

    @property
    def worst(self) -> CaseScore | None:
        """The case that loses most, or gains least."""
        return min(self.compared, key=lambda case: case.new_dice - case.old_dice, default=None)

    @property
    def p_value(self) -> float:
        """Two-sided Wilcoxon signed-rank test of the paired Dice values (Wilcoxon 1945); nan under 6.

        Five cases cannot reach p < 0.05 in it, whatever they say.
        """
        gains = np.array([case.new_dice - case.old_dice for case in self.compared])
        if len(gains) < 6 or not gains.any():
            return float("nan")
        from scipy.stats import wilcoxon  # half a second that the window need not wait for

        return float(wilcoxon(gains).pvalue)

    @property
    def change(self) -> Movement:
        """Better or worse if mean Dice moved noticeably and the paired test agrees (p < 0.05).

        Where there are too few cases for the test, all of them have to agree.
        """
        gain, p = self.new - self.old, self.p_value
        if isnan(gain) or abs(gain) <= NOTICEABLE:
            return Movement.UNCHANGED
        moves = [(case.new_dice - case.old_dice) * gain > 0 for case in self.compared]
        certain = all(moves) if isnan(p) else p < 0.05
        if gain > 0:
            return Movement.BETTER if certain else Movement.PERHAPS_BETTER
        return Movement.WORSE if certain else Movement.PERHAPS_WORSE


@dataclass(frozen=True)
class GateReport:
    """A new model against its parent: on held-out cases of the user's, and on the parent's reference set.

    new_site : the user's cases, each scored by a model that was not trained on its patient. old_domain : the
    images the parent keeps for this, or None.
    """

    parent: str
    child: str
    new_site: GateSide
    old_domain: GateSide | None = None

    @property
    def forgets(self) -> bool:
        """Whether the reference set lost more than `HARM`, tested or not: a loss is not excused by chance."""
        return self.old_domain is not None and self.old_domain.new - self.old_domain.old < -HARM

    @property
    def passed(self) -> bool:
        """Better on the user's images and not worse on the reference set."""
        return self.new_site.change is Movement.BETTER and not self.forgets

    @property
    def undecided(self) -> bool:
        """Nothing but chance stands between this model and `passed`."""
        return self.new_site.change is Movement.PERHAPS_BETTER and not self.forgets

    def verdict(self) -> str:
        """One plain sentence for people."""
        parts = [_words(self.new_site, counts=True)]
        if self.old_domain is not None and self.old_domain.compared:
            parts.append(
                f"worse on {self.old_domain.name} ({_signed(self.old_domain)})"
                if self.forgets
                else _words(self.old_domain, counts=False)
            )
        text = ", ".join(parts)
        return text[:1].upper() + text[1:] + "."


def _words(side: GateSide, counts: bool) -> str:
    if not side.compared:
        return f"not tested on {side.name}"
    if not counts:
        change = side.change.replace("worse", "slightly worse")  # a loss that matters is told elsewhere
        return f"{change} on {side.name} ({_signed(side)})"
    of = f"{len(side.compared)} case" + "s" * (len(side.compared) != 1)
    return f"{side.change} on {side.name} ({side.old:.2f} → {side.new:.2f}, {side.wins} of {of})"


def _signed(side: GateSide) -> str:
    return f"{side.new - side.old:+.3f}".replace("-", "−")


def _mean(values: list[float]) -> float:
    known = [value for value in values if not isnan(value)]
    return float(np.mean(known)) if known else float("nan")
