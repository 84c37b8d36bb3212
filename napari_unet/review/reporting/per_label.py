"""What a case's current mask measures, label by label, where the labels are no lungs: further columns."""

from __future__ import annotations

import re
from math import prod

import numpy as np

from napari_unet.core.label_set import LabelSet
from napari_unet.review.reporting.lines import cell
from napari_unet.review.types import Case

_UNITS = ("px", "mm2", "ml")


def label_columns(labels: LabelSet) -> tuple[str, ...]:
    """For each label its pixels, mm² of an image and mL of a volume: heart_px, heart_mm2, heart_ml.

    None for lungs, which have columns of their own. Two names that would be spelled alike get their numbers.
    """
    if labels.of_lungs:
        return ()
    plain = [re.sub(r"\W+", "_", label.name.casefold()).strip("_") for label in labels.labels]
    names = [
        name if name and plain.count(name) == 1 else f"{name}_{value}".lstrip("_")
        for name, value in zip(plain, labels.values, strict=True)
    ]
    return tuple(f"{name}_{unit}" for name in names for unit in _UNITS)


def label_cells(case: Case, mask: np.ndarray | None, labels: LabelSet) -> list[str]:
    """The texts of `label_columns`; empty without a mask that can be read."""
    if labels.of_lungs:
        return []
    if mask is None:
        return [""] * len(_UNITS) * len(labels.labels)
    spacing = case.spacing_mm if case.spacing_mm and len(case.spacing_mm) == mask.ndim else None
    element = None if spacing is None else prod(spacing)
    cells: list[str] = []
    for value in labels.values:
        pixels = int(np.count_nonzero(mask == value))
        size = None if element is None else pixels * element
        flat = mask.ndim == 2
        in_ml = None if flat or size is None else size / 1000
        cells += [cell(pixels), cell(size if flat else None), cell(in_ml)]
    return cells
