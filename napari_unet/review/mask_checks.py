"""Which anatomy checks a mask fails, and which codes of a case are about its image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_unet.core.checks import OF_IMAGE, check_labels
from napari_unet.core.label_set import LabelSet
from napari_unet.core.raster import RADIOGRAPHS
from napari_unet.review.types import Case


def mask_checks(
    mask: np.ndarray, case: Case, labels: LabelSet, pixels: np.ndarray | None = None
) -> tuple[str, ...]:
    """Codes of the anatomy checks that a mask fails, without the input check's.

    mask : uint8 of the case's shape. labels : the project's. pixels : of a CT in HU, where they
    are at hand; without them nothing is said of air. May take 0.1 s at 2k×2k.
    """
    spacing = case.spacing_mm if case.spacing_mm and len(case.spacing_mm) == mask.ndim else None
    return check_labels(mask, spacing, case.row_direction, case.modality in RADIOGRAPHS, labels, pixels)


def image_codes(checks: Sequence[str] | None) -> tuple[str, ...]:
    """Those of a case's codes that are about its image and not about its mask."""
    return tuple(code for code in checks or () if code in OF_IMAGE)
