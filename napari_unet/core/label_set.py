"""LabelSet: what the numbers in the masks of a model, a project or an export mean."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from napari_unet.core.labels import IGNORE, LEFT, RIGHT, values_in
from napari_unet.core.wording import listed

BACKGROUND = 0
NOT_SURE = "not sure"


@dataclass(frozen=True)
class Label:
    """One number in a mask and what it stands for.

    Parameters
    ----------
    value : int
        From 1 to 254.
    name : str
        Name for people.
    side : str
        Side of the patient: "R", "L", or "" if neither.
    code : str
        SNOMED CT code; "" if none.
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
        """What two labels share if they mean the same: value and name, whatever else is known of them."""
        return self.value, self.name.casefold()


@dataclass(frozen=True)
class LabelSet:
    """The labels that a mask may contain, besides background (0) and, if `not_sure`, ignored pixels (255).

    Parameters
    ----------
    name : str
        Name for people.
    labels : tuple of Label
        At least one, each with its own value and name.
    not_sure : bool
        Whether a mask may contain 255, for pixels that nobody can judge.

    Raises
    ------
    ValueError
        If there is no label, or two labels share a value or a name.
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
        """The values of the labels, in order."""
        return tuple(label.value for label in self.labels)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the labels, in order."""
        return tuple(label.name for label in self.labels)

    @property
    def mirrored(self) -> tuple[tuple[int, int], ...]:
        """Pairs of labels, by position, that differ only in the side, in `side` and in the name.

        In a mirrored image each takes the other's place.
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

        If so, the image's geometry distinguishes right and left where a mask does not, and the anatomy checks
        apply.
        """
        return frozenset(label.meaning for label in self.labels) in _OF_LUNGS

    @property
    def tells_sides(self) -> bool:
        """Whether the labels are the lungs, and each lung has its own label."""
        return self.of_lungs and len(self.labels) > 1

    def of_mask(self, mask: np.ndarray) -> LabelSet:
        """Return what the numbers in one mask of this set mean: of lungs, a left lung says which is which.

        The one rule for whether a mask says so. A right lung alone says it only where the set does: 1 is any
        lung in `LUNGS`.
        """
        return self if self.tells_sides else self.with_sides(bool((mask == LEFT).any()))

    def with_sides(self, told: bool) -> LabelSet:
        """Return what a mask of this set means: of lungs the set that tells sides, if the mask does."""
        return RIGHT_AND_LEFT if told and self.of_lungs else self

    @property
    def known(self) -> tuple[int, ...]:
        """The values that have a meaning in a mask with this set, ascending.

        Lung masks may distinguish the sides (1 right, 2 left) in both sets for lungs.
        """
        labels = (RIGHT, LEFT) if self.of_lungs else tuple(sorted(self.values))
        return (BACKGROUND, *labels, *((IGNORE,) if self.not_sure else ()))

    def name_of(self, value: int) -> str:
        """Return the name of a label, or the number itself if it has no meaning here."""
        return next((label.name for label in self.labels if label.value == value), str(value))

    def strays(self, mask: np.ndarray) -> tuple[int, ...]:
        """Return the values in `mask` (bool or integers) that have no meaning in this set, ascending."""
        if mask.dtype == np.uint8:  # quick where there are none
            means_nothing = np.ones(IGNORE + 1, bool)
            means_nothing[list(self.known)] = False
            odd = means_nothing[mask]
            return tuple(values_in(mask[odd])) if odd.any() else ()
        known = set(self.known)
        return tuple(value for value in values_in(mask) if value not in known)

    def takes(self, other: LabelSet) -> bool:
        """Return whether a mask with the labels `other` means the same in this set.

        It does if each label of `other` is in this set. The two sets for lungs accept each other.
        """
        if self.of_lungs and other.of_lungs:
            return True
        return {label.meaning for label in other.labels} <= {label.meaning for label in self.labels}

    def in_words(self) -> str:
        """Return the labels as text: "1 right lung, 2 left lung"."""
        return ", ".join(f"{label.value} {label.name}" for label in self.labels)

    def all_in_words(self) -> str:
        """Return all values as text: "1 (lung, right lung), 2 (left lung) or 255 (not sure)"."""
        labels = [f"{label.value} ({label.name})" for label in self.labels]
        if self.of_lungs:
            labels = [f"{RIGHT} (lung, right lung)", f"{LEFT} (left lung)"]
        if self.not_sure:
            labels.append(f"{IGNORE} ({NOT_SURE})")
        return listed(labels, "or")

    def to_json(self) -> dict[str, Any]:
        """Return a dict that `from_json` reads; a model card has the same fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> LabelSet:
        """Make a label set from the dict of `to_json`.

        Raises
        ------
        ValueError, KeyError, TypeError
            If it is not a label set.
        """
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
