"""How well two masks of one label set agree, in one number over all their labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from napari_unet.core.label_set import LabelSet
from napari_unet.core.labels import ignored, lung
from napari_unet.core.metrics import dice, hd95


def mean_dice(mask: np.ndarray, reference: np.ndarray, labels: LabelSet) -> float:
    """The mean of Dice over the labels that either mask holds; nan if neither holds any.

    mask, reference : integers of one shape. What IGNORE covers in either does not count. Lungs are one
    label, as perhaps only one of the masks separates their sides.
    """
    ignore = ignored(mask, reference)
    return _over(dice(ours, theirs, ignore) for ours, theirs in _compared(mask, reference, labels))


def worst_hd95(
    mask: np.ndarray, reference: np.ndarray, labels: LabelSet, spacing_mm: tuple[float, ...] | None
) -> float:
    """The largest HD95 of any label that both masks hold, in mm, or pixels without spacing; else nan.

    Arguments as in `mean_dice`.
    """
    ignore = ignored(mask, reference)
    found = [hd95(ours, theirs, spacing_mm, ignore) for ours, theirs in _compared(mask, reference, labels)]
    return max((value for value in found if value == value), default=float("nan"))


def _compared(
    mask: np.ndarray, reference: np.ndarray, labels: LabelSet
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """bool masks of what is compared with what."""
    if labels.of_lungs:  # a stray label counts too, as ever: it was painted over lung
        yield lung(mask), lung(reference)
        return
    for value in labels.values:
        yield mask == value, reference == value


def _over(found: Iterator[float]) -> float:
    known = [value for value in found if value == value]
    return float(np.mean(known)) if known else float("nan")
