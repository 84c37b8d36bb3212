"""What a simulation of an annotator reports: which way of working took how many strokes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Arm(StrEnum):
    """How the annotator works."""

    NONE = "no fine-tuning"
    RANDOM = "fine-tuning, random order"
    USEFUL = "fine-tuning, most useful first"
    SURE = "fine-tuning, surest first"


@dataclass(frozen=True)
class ArmBegun:
    """A way of working through the set begins; its cases follow as CaseDone."""

    arm: Arm
    seed: int


@dataclass(frozen=True)
class Cost:
    """What one case took. dice : of the model's mask, and of the one it was left with. reached : enough.

    models : fitted before this case. length : of all strokes, in pixels.
    """

    case: str
    strokes: int
    pixels: int
    length: float
    dice_before: float
    dice_after: float
    reached: bool
    models: int


@dataclass(frozen=True)
class Outcome:
    """One way of working through a set: what each case took, in the order of work."""

    arm: Arm
    seed: int
    costs: tuple[Cost, ...]

    @property
    def strokes(self) -> int:
        """Of all cases."""
        return sum(cost.strokes for cost in self.costs)

    @property
    def pixels(self) -> int:
        """Changed in all cases."""
        return sum(cost.pixels for cost in self.costs)


@dataclass(frozen=True)
class Simulation:
    """What all of it found. cases : in the set. threads : of the processor that torch used."""

    outcomes: tuple[Outcome, ...]
    cases: int
    threads: int
