"""The MaskRule for masks of several labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_unet.core.ct_lungs import clean_lungs
from napari_unet.core.masks import MaskRule, clean


def clean_labels(
    labels: np.ndarray, values: Sequence[int], rule: MaskRule, spacing_mm: tuple[float, ...] | None = None
) -> np.ndarray:
    """`labels`, uint8 (Y, X) or (Z, Y, X), after `rule`: a new array that holds 0 and `values` alone.

    Each label is cleaned as a mask of its own, so `rule.largest_parts` counts the parts of one label: the
    union of a heart and two lungs that touch it is one part, which says nothing of any of them. What one
    label loses, another may fill in: a speck of right lung in the left one becomes left lung. A pixel that
    several labels claim keeps the label it had if that is among them, otherwise it takes the first in the
    order of `values`. spacing_mm : as for `clean`. The two lungs of a volume are cleaned together if
    `rule.both_lungs` says so (core.ct_lungs).
    """
    if rule.both_lungs and labels.ndim == 3 and len(values) == 2:
        return clean_lungs(labels, (values[0], values[1]), rule, spacing_mm)
    if len(values) == 1:
        return clean(labels == values[0], rule, spacing_mm).view(np.uint8) * np.uint8(values[0])
    if labels.ndim == 3 and rule.per_slice:
        in_plane = None if spacing_mm is None else spacing_mm[1:]
        cleaned = np.zeros(labels.shape, np.uint8)
        for plane, result in zip(labels, cleaned, strict=True):
            result[...] = clean_labels(plane, values, rule, in_plane)
        return cleaned
    kept, claimed = np.zeros(labels.shape, np.uint8), np.zeros(labels.shape, np.uint8)
    for value in values:
        own = labels == value
        part = clean(own, rule, spacing_mm)
        kept[part & own] = value
        claimed[part & (claimed == 0)] = value
    return np.where(kept > 0, kept, claimed)
