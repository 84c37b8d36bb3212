"""Numbers that follow the brush: how far a mask is from the model's, its areas, what still looks wrong."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from napari_unet.core.agreement import mean_dice
from napari_unet.core.checks import CheckResult, check_label_values, check_mask, nothing_marked
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.labels import LEFT, RIGHT, ignored, lung
from napari_unet.core.lung_measures import LungMeasures, lung_measures
from napari_unet.core.lung_sides import sides_and_parts, split_left_right
from napari_unet.core.orientation import sides
from napari_unet.core.raster import RADIOGRAPHS, Modality, Raster, hounsfield


@dataclass(frozen=True)
class LiveNumbers:
    """What a mask measures now. None means that it cannot be known; pixels to be ignored do not count.

    dice : against the model's mask, nan if both are empty, the mean over labels that are not lungs; None
    without one. changed_pixels : that differ from it in their label, of lungs in being lung or not.
    right_pixels, left_pixels : in the patient's right and left lung. sizes : (name, pixels) of other labels.
    element : mm² of a pixel, or mm³ of a voxel of a volume; None without spacing. volume : whether it is one.
    sides_assumed : nothing says which side of the image is the patient's right. check_results : what is to be
    looked at. lungs : what they measure in a volume, as in reports; None without its image.
    """

    dice: float | None
    changed_pixels: int | None
    right_pixels: int
    left_pixels: int
    element: float | None
    volume: bool
    sides_assumed: bool
    check_results: tuple[CheckResult, ...]
    sizes: tuple[tuple[str, int], ...] = ()
    lungs: LungMeasures | None = None

    @property
    def changed_mm2(self) -> float | None:
        if self.element is None or self.volume or self.changed_pixels is None:
            return None
        return self.changed_pixels * self.element

    def size(self, pixels: int) -> str:
        """`pixels` in words: mm² of an image, mL of a volume, px where the spacing is not known."""
        if self.element is None:
            return f"{pixels:,} px"
        if self.volume:
            return f"{pixels * self.element / 1000:,.0f} mL"
        return f"{pixels * self.element:,.0f} mm²"


def live_numbers(
    labels: np.ndarray,
    model_labels: np.ndarray | None,
    spacing: tuple[float, ...] | None,
    row_direction: str | None,
    modality: Modality = Modality.UNKNOWN,
    label_set: LabelSet = LUNGS,
    volume: Raster | None = None,
) -> LiveNumbers:
    """Numbers of `labels` (integers (Y, X) or (Z, Y, X)) against `model_labels` (same shape, or None).

    spacing, row_direction : as in Raster. label_set : what both hold. The checks look at an image or at a
    whole volume; a slice of a CT is only compared and measured, and each image of a stack of radiographs is
    asked about alone. volume : the image of a whole volume, by which lungs are measured as in reports, and
    air in the mask is looked for.
    Raises ValueError if shapes or spacing do not fit.
    """
    if model_labels is not None and model_labels.shape != labels.shape:
        raise ValueError(f"masks differ in shape: {labels.shape} and {model_labels.shape}")
    if spacing is not None and len(spacing) != labels.ndim:
        raise ValueError(f"spacing {spacing} does not fit shape {labels.shape}")
    if not label_set.of_lungs:
        return _of_labels(labels, model_labels, spacing, label_set)
    is_image = labels.ndim == 2 and modality != Modality.CT
    is_volume = labels.ndim == 3 and modality not in RADIOGRAPHS
    mask = lung(labels)
    whole = is_image or is_volume
    problems = check_label_values(labels, row_direction, sides=whole, labels=label_set)
    told_apart = label_set.tells_sides or (label_set.of_mask(labels).tells_sides and not problems)
    by_geometry = is_volume and not told_apart
    apart = split_left_right(mask, row_direction, per_slice=False) if by_geometry else labels
    counted = None if told_apart or is_volume else sides_and_parts(mask, row_direction)
    right = int(np.count_nonzero(apart == RIGHT)) if counted is None else counted[0]
    left = int(np.count_nonzero(apart == LEFT)) if counted is None else counted[1]
    agreement, changed = None, None
    if model_labels is not None:
        ignore, theirs = ignored(labels, model_labels), lung(model_labels)
        agreement = mean_dice(labels, model_labels, label_set)
        different = mask != theirs
        changed = int(np.count_nonzero(different if ignore is None else different & ~ignore))
    in_hu = None if volume is None else hounsfield(volume)
    checked = labels if told_apart else mask
    results = check_mask(checked, spacing, row_direction, counted, in_hu) if whole else ()
    return LiveNumbers(
        dice=agreement,
        changed_pixels=changed,
        right_pixels=right,
        left_pixels=left,
        element=None if spacing is None else prod(spacing),
        volume=labels.ndim == 3,
        sides_assumed=sides(row_direction).assumed and not told_apart,
        check_results=(*problems, *results),
        lungs=lung_measures(apart, volume) if is_volume and volume is not None else None,
    )


def _of_labels(
    labels: np.ndarray,
    model_labels: np.ndarray | None,
    spacing: tuple[float, ...] | None,
    label_set: LabelSet,
) -> LiveNumbers:
    """Numbers of a mask that is not of lungs: nothing is known of its sides, or of what is usual."""
    agreement, changed = None, None
    if model_labels is not None:
        agreement = mean_dice(labels, model_labels, label_set)
        ignore, different = ignored(labels, model_labels), labels != model_labels
        changed = int(np.count_nonzero(different if ignore is None else different & ~ignore))
    named = ((label.name, int(np.count_nonzero(labels == label.value))) for label in label_set.labels)
    return LiveNumbers(
        dice=agreement,
        changed_pixels=changed,
        right_pixels=0,
        left_pixels=0,
        element=None if spacing is None else prod(spacing),
        volume=labels.ndim == 3,
        sides_assumed=False,
        check_results=(*check_label_values(labels, labels=label_set), *nothing_marked(lung(labels))),
        sizes=tuple(named),
    )
