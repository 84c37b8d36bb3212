"""LabelSet: what the numbers in the masks of a model, a project or an export mean."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from napari_unet.core.labels import IGNORE, LEFT, RIGHT, values_in

BACKGROUND = 0
NOT_SURE = "not sure"


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

    @property
    def meaning(self) -> tuple[int, str]:
        """What two labels share that mean the same: number and name, whatever else is known of them."""
        return self.value, self.name.casefold()


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

    @property
    def mirrored(self) -> tuple[tuple[int, int], ...]:
        """Pairs of labels, by their place in the set, that differ in nothing but the side in name and `side`.

        In a mirrored image the one has the other's place.
        """
        parts = [label.name.casefold() for label in self.labels]
        return tuple(
            (k, parts.index(other))
            for k, label in enumerate(self.labels)
            if label.side == "R"
            and (other := parts[k].replace("right", "left")) in parts
            and self.labels[parts.index(other)].side == "L"
        )

    @property
    def of_lungs(self) -> bool:
        """Whether the labels are the lungs and nothing else.

        Then the image's geometry tells right from left where a mask does not, and the anatomy checks know
        what is usual.
        """
        return frozenset(label.meaning for label in self.labels) in _OF_LUNGS

    @property
    def tells_sides(self) -> bool:
        """Whether the labels are the lungs, each with one of its own."""
        return self.of_lungs and len(self.labels) > 1

    @property
    def known(self) -> tuple[int, ...]:
        """The values that mean something in a mask of this set, ascending.

        Masks of lungs may tell the sides apart (RIGHT, LEFT) whichever of the two sets they are of.
        """
        labels = (RIGHT, LEFT) if self.of_lungs else tuple(sorted(self.values))
        return (BACKGROUND, *labels, *((IGNORE,) if self.not_sure else ()))

    def name_of(self, value: int) -> str:
        """The name of a label; the number itself where it means nothing here."""
        return next((label.name for label in self.labels if label.value == value), str(value))

    def strays(self, mask: np.ndarray) -> tuple[int, ...]:
        """The values in `mask` (bool or integers) that mean nothing in this set, ascending."""
        if mask.dtype == np.uint8:  # quick where there are none
            means_nothing = np.ones(IGNORE + 1, bool)
            means_nothing[list(self.known)] = False
            odd = means_nothing[mask]
            return tuple(values_in(mask[odd])) if odd.any() else ()
        known = set(self.known)
        return tuple(value for value in values_in(mask) if value not in known)

    def takes(self, other: LabelSet) -> bool:
        """Whether a mask of `other` means the same in this set: each of its labels is one of this set's.

        Lungs with one label and lungs with one each take one another.
        """
        if self.of_lungs and other.of_lungs:
            return True
        return {label.meaning for label in other.labels} <= {label.meaning for label in self.labels}

    def in_words(self) -> str:
        """ "1 right lung, 2 left lung"."""
        return ", ".join(f"{label.value} {label.name}" for label in self.labels)

    def all_in_words(self) -> str:
        """What a mask may be painted with: "1 (lung, right lung), 2 (left lung) or 255 (not sure)"."""
        labels = [f"{label.value} ({label.name})" for label in self.labels]
        if self.of_lungs:
            labels = [f"{RIGHT} (lung, right lung)", f"{LEFT} (left lung)"]
        if self.not_sure:
            labels.append(f"{IGNORE} ({NOT_SURE})")
        return " or ".join(filter(None, [", ".join(labels[:-1]), labels[-1]]))

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it; a model card has the same fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> LabelSet:
        """Raises ValueError, KeyError or TypeError for what is no label set."""
        labels = tuple(Label(**label) for label in content["labels"])
        return cls(content["name"], labels, content.get("not_sure", True))


LUNGS = LabelSet("lungs", (Label(RIGHT, "lung", code="39607008"),))
RIGHT_AND_LEFT = LabelSet(
    "right and left lung",
    (Label(RIGHT, "right lung", "R", "3341006"), Label(LEFT, "left lung", "L", "44029006")),
)
_OF_LUNGS = frozenset(frozenset(label.meaning for label in known.labels) for known in (LUNGS, RIGHT_AND_LEFT))


def named_set(names: tuple[str, ...]) -> LabelSet:
    """The set of labels 1, 2, ... with these names; the known one where they are its names."""
    for known in (LUNGS, RIGHT_AND_LEFT):
        if known.names == names:
            return known
    return LabelSet(", ".join(names), tuple(Label(k, name) for k, name in enumerate(names, start=1)))
