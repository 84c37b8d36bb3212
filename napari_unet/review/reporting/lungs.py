"""What a case's current mask measures, lung by lung."""

from __future__ import annotations

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.lung_measures import LungMeasures, lung_measures
from napari_unet.core.lung_sides import told_apart
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


def sides_of(project: ReviewProject, case: Case, labels: np.ndarray) -> np.ndarray:
    """A case's current mask of lungs with right and left apart, as in an export."""
    known = project.label_set_of(case.revision)
    return told_apart(labels, known, case.row_direction, per_slice=case.modality in RADIOGRAPHS)


def lungs_of(case: Case, sides: np.ndarray) -> Measures:
    """Area or volume of each lung. sides : from `sides_of`."""
    spacing = case.spacing_mm if case.spacing_mm and len(case.spacing_mm) == sides.ndim else None
    modality = Modality(case.modality) if case.modality in set(Modality) else Modality.UNKNOWN
    return measure(sides > 0, spacing, case.row_direction, modality=modality, labels=sides)


def measured_in_volume(project: ReviewProject, case: Case, sides: np.ndarray) -> LungMeasures | None:
    """What the lungs measure in a volume; None for X-rays, and where the image cannot be read.

    sides : from `sides_of`. The image is read for it, which for a large series takes seconds.
    """
    if sides.ndim != 3 or case.modality in RADIOGRAPHS:
        return None
    try:
        raster = read_raster(project.source(case.id))
    except UserError:
        return None
    return lung_measures(sides, raster) if raster.shape == sides.shape else None


def lines_in_words(lines: tuple[Measurement, ...]) -> str:
    """The lines that were measured in a case: "heart 132.0 mm; distance 41 px (slice 3)"."""
    parts = []
    for line in lines:
        where = "" if line.slice is None else f" (slice {line.slice + 1})"
        parts.append(f"{line.kind} {length_text(line.length, line.in_mm)}{where}")
    return "; ".join(parts)
