"""What a case's current mask measures, lung by lung."""

from __future__ import annotations

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.labels import LEFT, lung
from napari_unet.core.lung_measures import LungMeasures, lung_measures
from napari_unet.core.lung_sides import split_left_right
from napari_unet.core.measure import Measures, measure
from napari_unet.core.raster import RADIOGRAPHS, Modality
from napari_unet.core.ruler import length_text
from napari_unet.io.formats import read_raster
from napari_unet.review.faults import StoreFault
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Case, Measurement


def mask_of(project: ReviewProject, case: Case) -> np.ndarray | None:
    """The labels of a case's current mask; None without one that can be read."""
    if case.revision is None:
        return None
    try:
        return project.read_mask(case.revision)
    except StoreFault:
        raise
    except UserError:
        return None


def lungs_of(case: Case, labels: np.ndarray) -> Measures:
    """Area or volume of each lung in a mask of lungs. Sides as in an export."""
    mask = lung(labels)
    sided = np.where(mask, labels, np.uint8(0)) if (labels == LEFT).any() else None
    spacing = case.spacing_mm if case.spacing_mm and len(case.spacing_mm) == labels.ndim else None
    modality = Modality(case.modality) if case.modality in set(Modality) else Modality.UNKNOWN
    return measure(mask, spacing, case.row_direction, modality=modality, labels=sided)


def measured_in_volume(project: ReviewProject, case: Case, labels: np.ndarray) -> LungMeasures | None:
    """What a mask of lungs measures in a volume; None for X-rays, and where the image cannot be read.

    The image is read for it, which for a large series takes seconds.
    """
    if labels.ndim != 3 or case.modality in RADIOGRAPHS:
        return None
    try:
        raster = read_raster(project.source(case.id))
    except UserError:
        return None
    if raster.shape != labels.shape:
        return None
    told = bool((labels == LEFT).any())
    sided = labels if told else split_left_right(lung(labels), case.row_direction, per_slice=False)
    return lung_measures(sided, raster)


def lines_in_words(lines: tuple[Measurement, ...]) -> str:
    """The lines that were measured in a case: "heart 132.0 mm; distance 41 px (slice 3)"."""
    parts = []
    for line in lines:
        where = "" if line.slice is None else f" (slice {line.slice + 1})"
        parts.append(f"{line.kind} {length_text(line.length, line.in_mm)}{where}")
    return "; ".join(parts)
