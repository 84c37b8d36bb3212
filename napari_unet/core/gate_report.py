"""GateReport: a new model against the one it was made from, case by case, and what that means in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isnan

import numpy as np

NOTICEABLE = 0.005
"""Mean Dice must change by more than this to be called better or worse."""

LEAST = 6
"""Patients without whom nothing is proved: five cannot reach p < 0.05 in the test, whatever they say."""

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
    """One case by both models: Dice, and HD95 in the side's unit (nan rules as in core.metrics).

    group : the same for cases of one patient or, where that is not known, of one file or one look; "" where
    nothing is known: then the case counts as a patient of its own.
    """

    id: str
    old_dice: float
    new_dice: float
    old_hd95: float
    new_hd95: float
    group: str = ""


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
    def gains(self) -> tuple[float, ...]:
        """Of each patient: the mean change of Dice over the cases; several cases of one are one voice."""
        found: dict[str, list[float]] = {}
        for k, case in enumerate(self.compared):
            found.setdefault(case.group or f"case {k}", []).append(case.new_dice - case.old_dice)
        return tuple(float(np.mean(gains)) for gains in found.values())

    @property
    def patients(self) -> int:
        """How many people were compared, as far as that is known."""
        return len(self.gains)

    @property
    def p_value(self) -> float:
        """Two-sided Wilcoxon signed-rank test of the patients' mean gains; nan under LEAST patients."""
        gains = self.gains
        return signed_rank_test(gains) if len(gains) >= LEAST else float("nan")

    @property
    def change(self) -> Movement:
        """Better or worse if Dice moved noticeably and the paired test agrees (p < 0.05), else "perhaps".

        The mean of all cases, the mean of all patients and the ranks in the test must point the same way.
        Under LEAST patients there is no test, and nothing is more than "perhaps".
        """
        gains, gain = self.gains, self.new - self.old
        if isnan(gain) or abs(gain) <= NOTICEABLE:
            return Movement.UNCHANGED
        agree = min(float(np.mean(gains)) * np.sign(gain), _balance(gains) * np.sign(gain)) > 0
        noticeable = abs(np.mean(gains)) > NOTICEABLE
        certain = bool(agree and noticeable and self.p_value < 0.05)
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


def signed_rank_test(gains: Sequence[float]) -> float:
    """Two-sided p of the exact Wilcoxon signed-rank test (Wilcoxon 1945) that gains are even about 0.

    Zeros are left out and equal gains share their ranks, so that the test holds with ties too; nan if
    nothing is left. Under no true gain p < 0.05 comes up in at most 5 % of draws, at any number of gains.
    """
    ranks, signs = _signed_ranks(gains)
    if not len(ranks):
        return float("nan")
    doubled = np.rint(2 * ranks).astype(int)  # shared ranks are halves
    chance = np.ones(1)
    for rank in doubled:  # of each sum of ranks, if every gain were as likely a loss
        longer = np.zeros(len(chance) + rank)
        longer[: len(chance)] += chance / 2
        longer[rank:] += chance / 2
        chance = longer
    positive = int(doubled[signs > 0].sum())
    tail = min(chance[: positive + 1].sum(), chance[positive:].sum())
    return float(min(1.0, 2 * tail))


def _balance(gains: Sequence[float]) -> float:
    """Over 0 if the ranks of gains outweigh those of losses."""
    ranks, signs = _signed_ranks(gains)
    return float((ranks * signs).sum())


def _signed_ranks(gains: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """(ranks of the sizes, mean ranks where sizes are equal; signs) of the gains that are not 0."""
    values = np.round(np.asarray(gains, float), 12)  # 0.9 − 0.8 ranks as 0.8 − 0.7 does
    values = values[values != 0]
    _, which, counts = np.unique(np.abs(values), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[which], np.sign(values)


def _words(side: GateSide, counts: bool) -> str:
    if not side.compared:
        return f"not tested on {side.name}"
    if not counts:
        change = side.change.replace("worse", "slightly worse")  # a loss that matters is told elsewhere
        return f"{change} on {side.name} ({_signed(side)})"
    of = f"{len(side.compared)} case" + "s" * (len(side.compared) != 1)
    if side.patients < len(side.compared):
        of += f" of {side.patients} patient" + "s" * (side.patients != 1)
    return f"{side.change} on {side.name} ({side.old:.2f} → {side.new:.2f}, {side.wins} of {of})"


def _signed(side: GateSide) -> str:
    return f"{side.new - side.old:+.3f}".replace("-", "−")


def _mean(values: list[float]) -> float:
    known = [value for value in values if not isnan(value)]
    return float(np.mean(known)) if known else float("nan")
