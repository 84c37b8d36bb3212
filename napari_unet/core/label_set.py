"""LabelSet: what the numbers in the masks of a model, a project or an export mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_unet.core.labels import IGNORE, LEFT, RIGHT, values_in

BACKGROUND = 0


@dataclass(frozen=True)
class Label:
    """One number and what it stands for.

    side : of the patient, "" if neither. code : SNOMED CT, "" if none.
    """

    value: int
    name: str
    side: Literal["R", "L", ""] = ""
    code: str = ""

    def __post_init__(self) -> None:
        if not BACKGROUND < self.value < IGNORE:
            raise ValueError(f"a label is a number from 1 to {IGNORE - 1}, got {self.value}")
        if not self.name:
            raise ValueError(f"the label {self.value} has no name")


@dataclass(frozen=True)
class LabelSet:
    """The labels that a mask may hold, beside BACKGROUND and, where `not_sure`, IGNORE.

    name : for people. labels : at least one, each with a value and a name of its own.
    """

    name: str
    labels: tuple[Label, ...]
    not_sure: bool = True

    def __post_init__(self) -> None:
        for what, found in (("value", self.values), ("name", self.names)):
            if not found or len(set(found)) < len(found):
                raise ValueError(f"every label of a set needs a {what} of its own")

    @property
    def values(self) -> tuple[int, ...]:
        """The numbers, in the set's order."""
        return tuple(label.value for label in self.labels)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the set's order."""
        return tuple(label.name for label in self.labels)

    def strays(self, mask: np.ndarray) -> tuple[int, ...]:
        """The values in `mask` that mean nothing in this set, ascending."""
        known = {BACKGROUND, *self.values, *((IGNORE,) if self.not_sure else ())}
        return tuple(value for value in values_in(mask) if value not in known)

    def in_words(self) -> str:
        """ "1 right lung, 2 left lung"."""
        return ", ".join(f"{label.value} {label.name}" for label in self.labels)


LUNGS = LabelSet("lungs", (Label(RIGHT, "lung", code="39607008"),))
RIGHT_AND_LEFT = LabelSet(
    "right and left lung",
    (Label(RIGHT, "right lung", "R", "3341006"), Label(LEFT, "left lung", "L", "44029006")),
)


def named_set(names: tuple[str, ...]) -> LabelSet:
    """The set of labels 1, 2, ... with these names; the known one where they are its names."""
    for known in (LUNGS, RIGHT_AND_LEFT):
        if known.names == names:
            return known
    return LabelSet(", ".join(names), tuple(Label(k, name) for k, name in enumerate(names, start=1)))
