"""Anatomy checks of a lung mask: what a second look should go to first. They do not diagnose."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import prod

import numpy as np

from napari_unet.core.header_facts import CHILD, LYING, VIEW
from napari_unet.core.label_checks import label_problem
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.labels import lung
from napari_unet.core.lung_sides import sides_and_parts
from napari_unet.core.masks import bounding_box, hole_sizes
from napari_unet.core.orientation import sides
from napari_unet.core.wording import listed

_RATIO = (0.5, 1.7)  # left to right; holds 320 of 321 reference masks from three hospitals
_AREA_CM2 = (100.0, 1200.0)  # both lungs of an adult on a chest film, collapsed to overinflated
_VOLUME_ML = (500.0, 10_000.0)  # both lungs of an adult on CT
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


UNLIKE, INVERTED = "unlike", "inverted"  # codes of the input check, which stand beside those of Code
OF_IMAGE = (UNLIKE, INVERTED, CHILD, LYING, VIEW)  # codes that no change of the mask changes


@dataclass(frozen=True)
class CheckResult:
    """One thing to look at: a stable code and a plain sentence."""

    code: Code
    text: str


def check_mask(
    mask: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    row_direction: str | None = None,
    counted: tuple[int, int, np.ndarray] | None = None,
) -> tuple[CheckResult, ...]:
    """Check results of a bool mask (Y, X), or (Z, Y, X) as one volume; none if all looks as it should.

    spacing_mm, row_direction : as in Raster. Size is judged only where the spacing is known, for an adult.
    The slices of a stack of radiographs are checked one by one by the caller. counted : what
    `sides_and_parts` gives for the mask, where somebody has asked for it already.
    """
    if spacing_mm is not None and len(spacing_mm) != mask.ndim:
        raise ValueError(f"spacing {spacing_mm} does not fit shape {mask.shape}")
    mask = mask.astype(bool)
    box = bounding_box(mask)
    if box is None:
        return (CheckResult(Code.NO_LUNG, "No lung is marked."),)
    part = mask[box]
    right, left, parts = sides_and_parts(mask, row_direction) if counted is None else counted
    total = right + left
    found = [
        _both_sides(right, left, row_direction),
        _extra_parts(parts, total),
        _holes(part, total),
        _border(mask),
        _size(total, spacing_mm),
    ]
    return tuple(result for result in found if result is not None)


def check_labels(
    mask: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    row_direction: str | None = None,
    per_slice: bool = False,
    labels: LabelSet = LUNGS,
) -> tuple[str, ...]:
    """Codes of the check results of a mask of `labels` (uint8; IGNORE is not among them), each once.

    Else as `check_mask`, whose checks are of lungs: of other labels only those are that hold for any.
    per_slice : a (Z, Y, X) stack of X-rays, each an image of its own.
    """
    marked = lung(mask)
    one = None if spacing_mm is None else spacing_mm[1:]
    if not labels.of_lungs:
        found = list(nothing_marked(marked))
    elif per_slice and marked.ndim == 3:
        found = [result for part in marked for result in check_mask(part, one, row_direction)]
    else:
        found = list(check_mask(marked, spacing_mm, row_direction))
    said = (*check_label_values(mask, row_direction, per_slice, labels=labels), *found)
    return tuple(dict.fromkeys(result.code.value for result in said))


def check_label_values(
    mask: np.ndarray,
    row_direction: str | None = None,
    per_slice: bool = False,
    sides: bool = True,
    labels: LabelSet = LUNGS,
) -> tuple[CheckResult, ...]:
    """A check result if the values do not say what they are to say; see core.label_checks.label_problem."""
    problem = label_problem(mask, row_direction, per_slice, sides, labels)
    return (CheckResult(Code.LABELS, problem),) if problem else ()


def nothing_marked(marked: np.ndarray) -> tuple[CheckResult, ...]:
    """A check result if none of these pixels (bool) is marked, whatever the labels are."""
    return () if marked.any() else (CheckResult(Code.EMPTY, "Nothing is marked."),)


def _both_sides(right: int, left: int, row_direction: str | None) -> CheckResult | None:
    assumed = " (sides assumed)" if sides(row_direction).assumed else ""
    if not right or not left:
        there, missing = ("left", "right") if left else ("right", "left")
        text = f"Only the {there} lung is marked, the {missing} one is missing{assumed}."
        return CheckResult(Code.MISSING_LUNG, text)
    ratio = left / right
    if _RATIO[0] <= ratio <= _RATIO[1]:
        return None
    small, large = ("left", "right") if ratio < 1 else ("right", "left")
    share = min(ratio, 1 / ratio)
    return CheckResult(
        Code.RATIO, f"The {small} lung is only {share:.0%} the size of the {large} one{assumed}."
    )


def _extra_parts(sizes: np.ndarray, total: int) -> CheckResult | None:
    extra = _count(sizes, total) - 2
    if extra < 1:
        return None
    text = "there is 1 more part" if extra == 1 else f"there are {extra} more parts"
    return CheckResult(Code.EXTRA_PARTS, f"Besides the two largest parts {text}.")


def _holes(mask: np.ndarray, total: int) -> CheckResult | None:
    holes = _count(hole_sizes(mask), total)
    if not holes:
        return None
    return CheckResult(Code.HOLES, "The mask has a hole." if holes == 1 else f"The mask has {holes} holes.")


def _count(sizes: np.ndarray, total: int) -> int:
    """How many of these parts are worth a look."""
    return int(np.count_nonzero(sizes >= max(1, _SMALLEST * total)))


def _border(mask: np.ndarray) -> CheckResult | None:
    """In plane only: a CT may well end within the lungs."""
    flat = np.asarray(mask.any(axis=0)) if mask.ndim == 3 else mask
    edges = {"upper": flat[0], "lower": flat[-1], "left": flat[:, 0], "right": flat[:, -1]}
    touched = [name for name, edge in edges.items() if edge.sum() > _TOUCH * len(edge)]
    if not touched:
        return None
    return CheckResult(
        Code.BORDER, f"The lung touches the {listed(touched)} edge of the image: part of it may be cut off."
    )


def _size(total: int, spacing_mm: tuple[float, ...] | None) -> CheckResult | None:
    if spacing_mm is None:
        return None
    if len(spacing_mm) == 2:
        size, limits, code, unit = total * prod(spacing_mm) / 100, _AREA_CM2, Code.AREA, "cm²"
    else:
        size, limits, code, unit = total * prod(spacing_mm) / 1000, _VOLUME_ML, Code.VOLUME, "mL"
    if limits[0] <= size <= limits[1]:
        return None
    what = "small" if size < limits[0] else "large"
    return CheckResult(code, f"{size:,.0f} {unit} is {what} for an adult: check the mask and the spacing.")
