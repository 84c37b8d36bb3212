"""Anatomy checks of a lung mask: what a second look should go to first. They do not diagnose.

Those of volumes are in `core.volume_checks`.
"""

from __future__ import annotations

import numpy as np

from napari_unet.core.check_parts import CheckResult, Code, adult_size, border, both_sides, extra_parts, holes
from napari_unet.core.header_facts import CHILD, LYING, VIEW
from napari_unet.core.label_checks import label_problem
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.labels import lung
from napari_unet.core.lung_sides import sides_and_parts
from napari_unet.core.masks import bounding_box
from napari_unet.core.volume_checks import check_volume

__all__ = ["CheckResult", "Code", "check_label_values", "check_labels", "check_mask", "nothing_marked"]

_RATIO = (0.5, 1.7)  # left to right; holds 320 of 321 reference masks from three hospitals
_AREA_CM2 = (100.0, 1200.0)  # both lungs of an adult on a chest film, collapsed to overinflated

UNLIKE, INVERTED, SITUS = "unlike", "inverted", "situs"  # of the input check, beside those of Code
OF_IMAGE = (UNLIKE, INVERTED, SITUS, CHILD, LYING, VIEW)  # codes that no change of the mask changes


def check_mask(
    mask: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    row_direction: str | None = None,
    counted: tuple[int, int, np.ndarray] | None = None,
    pixels: np.ndarray | None = None,
) -> tuple[CheckResult, ...]:
    """Check results of a mask of lungs (Y, X), or (Z, Y, X) as one volume; none if all looks as it should.

    mask : bool or labels; those of a volume tell its sides, see `check_volume`. spacing_mm, row_direction :
    as in Raster. Size is judged only where the spacing is known, for an adult. The slices of a stack of
    radiographs are checked one by one by the caller. counted : what `sides_and_parts` gives for an image's
    mask, where somebody has asked for it already. pixels : of a volume of CT in HU; without them nothing is
    said of air.
    """
    if spacing_mm is not None and len(spacing_mm) != mask.ndim:
        raise ValueError(f"spacing {spacing_mm} does not fit shape {mask.shape}")
    if mask.ndim == 3:
        return check_volume(mask, spacing_mm, row_direction, pixels)
    mask = lung(mask)
    box = bounding_box(mask)
    if box is None:
        return (CheckResult(Code.NO_LUNG, "No lung is marked."),)
    part = mask[box]
    right, left, parts = sides_and_parts(mask, row_direction) if counted is None else counted
    total = right + left
    found = [
        both_sides(right, left, row_direction, _RATIO),
        extra_parts(parts, total),
        holes(part, total),
        border(mask),
        adult_size(total, spacing_mm, _AREA_CM2),
    ]
    return tuple(result for result in found if result is not None)


def check_labels(
    mask: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    row_direction: str | None = None,
    per_slice: bool = False,
    labels: LabelSet = LUNGS,
    pixels: np.ndarray | None = None,
) -> tuple[str, ...]:
    """Codes of the check results of a mask of `labels` (uint8; IGNORE is not among them), each once.

    Else as `check_mask`, whose checks are of lungs: of other labels only those are that hold for any.
    per_slice : a (Z, Y, X) stack of X-rays, each an image of its own. pixels : of a CT in HU, where they are
    at hand; without them nothing is said of air.
    """
    marked = lung(mask)
    one = None if spacing_mm is None else spacing_mm[1:]
    if not labels.of_lungs:
        found = list(nothing_marked(marked))
    elif per_slice and marked.ndim == 3:
        found = [result for part in marked for result in check_mask(part, one, row_direction)]
    elif marked.ndim == 3:
        told = labels.of_mask(mask).tells_sides
        found = list(check_volume(mask if told else marked, spacing_mm, row_direction, pixels))
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
