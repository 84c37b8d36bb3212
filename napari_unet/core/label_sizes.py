"""What a mask measures, label by label, where the labels are not lungs: further columns of a table."""

from __future__ import annotations

import re
from math import prod

import numpy as np

from napari_unet.core.label_set import LabelSet

_UNITS = ("px", "mm2", "ml")


def size_columns(labels: LabelSet) -> tuple[str, ...]:
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


def label_sizes(
    mask: np.ndarray | None, labels: LabelSet, spacing_mm: tuple[float, ...] | None
) -> tuple[int | float | None, ...]:
    """The numbers of `size_columns`, None where there is no answer or no mask.

    mask : integers (Y, X) or (Z, Y, X). spacing_mm : one per axis; one that does not fit is not known.
    """
    if labels.of_lungs:
        return ()
    if mask is None:
        return (None,) * len(_UNITS) * len(labels.labels)
    fits = spacing_mm is not None and len(spacing_mm) == mask.ndim
    element = prod(spacing_mm) if spacing_mm is not None and fits else None
    sizes: list[int | float | None] = []
    for value in labels.values:
        pixels = int(np.count_nonzero(mask == value))
        size = None if element is None else pixels * element
        flat = mask.ndim == 2
        sizes += [pixels, size if flat else None, None if flat or size is None else size / 1000]
    return tuple(sizes)
