"""What is looked at in masks of any shape, and how a check result says it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import prod

import numpy as np

from napari_unet.core.masks import hole_sizes
from napari_unet.core.orientation import sides
from napari_unet.core.wording import listed

_SMALLEST = 0.0002  # of the mask: smaller specks and holes are not worth a look
_TOUCH = 0.05  # of an image side's length: less contact than this is a corner of the lung


class Code(StrEnum):
    """What a check result is about; stable, for the report's column `checks`."""

    LABELS = "labels"
    NO_LUNG = "no-lung"
    EMPTY = "empty"
    MISSING_LUNG = "missing-lung"
    EXTRA_PARTS = "extra-parts"
    HOLES = "holes"
    RATIO = "ratio"
    BORDER = "border"
    AREA = "area"
    VOLUME = "volume"
    GAP = "gap"
    CUT_OFF = "cut-off"
    AIR = "air"


@dataclass(frozen=True)
class CheckResult:
    """One thing to look at: a stable code and a plain sentence."""

    code: Code
    text: str


def both_sides(
    right: int, left: int, row_direction: str | None, ratio: tuple[float, float], told: bool = False
) -> CheckResult | None:
    """A check result if a lung is missing or much smaller than the other.

    right, left : pixels. ratio : lowest and highest of left to right. told : the labels say which is which,
    and nothing is assumed.
    """
    assumed = " (sides assumed)" if sides(row_direction).assumed and not told else ""
    if not right or not left:
        there, missing = ("left", "right") if left else ("right", "left")
        text = f"Only the {there} lung is marked, the {missing} one is missing{assumed}."
        return CheckResult(Code.MISSING_LUNG, text)
    found = left / right
    if ratio[0] <= found <= ratio[1]:
        return None
    small, large = ("left", "right") if found < 1 else ("right", "left")
    share = min(found, 1 / found)
    return CheckResult(
        Code.RATIO, f"The {small} lung is only {share:.0%} the size of the {large} one{assumed}."
    )


def extra_parts(sizes: np.ndarray, total: int) -> CheckResult | None:
    """A check result if there are more than two parts. sizes : pixels of each; total : of the mask."""
    extra = _count(sizes, total) - 2
    if extra < 1:
        return None
    text = "there is 1 more part" if extra == 1 else f"there are {extra} more parts"
    return CheckResult(Code.EXTRA_PARTS, f"Besides the two largest parts {text}.")


def holes(mask: np.ndarray, total: int) -> CheckResult | None:
    """A check result if a mask (bool) has holes. total : its pixels."""
    number = _count(hole_sizes(mask), total)
    if not number:
        return None
    return CheckResult(Code.HOLES, "The mask has a hole." if number == 1 else f"The mask has {number} holes.")


def _count(sizes: np.ndarray, total: int) -> int:
    """How many of these parts are worth a look."""
    return int(np.count_nonzero(sizes >= max(1, _SMALLEST * total)))


def border(flat: np.ndarray) -> CheckResult | None:
    """A check result if a mask (bool, (Y, X)) touches the edge of its image."""
    edges = {"upper": flat[0], "lower": flat[-1], "left": flat[:, 0], "right": flat[:, -1]}
    touched = [name for name, edge in edges.items() if edge.sum() > _TOUCH * len(edge)]
    if not touched:
        return None
    return CheckResult(
        Code.BORDER, f"The lung touches the {listed(touched)} edge of the image: part of it may be cut off."
    )


def adult_size(
    pixels: int, spacing_mm: tuple[float, ...] | None, limits: tuple[float, float]
) -> CheckResult | None:
    """A check result if both lungs of an adult are not of this size; nothing is said without spacing.

    limits : lowest and highest, in cm² of an image, in mL of a volume.
    """
    if spacing_mm is None:
        return None
    size = pixels * prod(spacing_mm) / 10 ** len(spacing_mm)
    if limits[0] <= size <= limits[1]:
        return None
    code, unit = (Code.AREA, "cm²") if len(spacing_mm) == 2 else (Code.VOLUME, "mL")
    what = "small" if size < limits[0] else "large"
    return CheckResult(code, f"{size:,.0f} {unit} is {what} for an adult: check the mask and the spacing.")
