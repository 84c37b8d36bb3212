"""What a review keeps of a prediction: labels at the image's size, their checks, maps of 8 bits."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

from napari_unet.core.checks import check_labels
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster, hounsfield
from napari_unet.core.uncertainty import boundary_uncertainty


def as_first_mask(prediction: Prediction, raster: Raster) -> Prediction:
    """The prediction of an image as it is kept: with `drawn`, checks and the uncertainty of its border.

    Of scores only these are kept, with their map. One that was refused stays as it is.
    """
    if prediction.refused:
        return prediction
    kept = prediction.kept()
    if prediction.task == "classification":
        return kept
    labels = prediction.labels()
    uncertainty = boundary_uncertainty(kept.grid_uncertainty, labels > 0)
    stack, direction = prediction.rule.per_slice, raster.row_direction
    return replace(
        kept,
        drawn=labels,
        checks=check_labels(
            labels, raster.spacing_mm, direction, stack, prediction.label_set, hounsfield(raster)
        ),
        boundary_uncertainty=None if isnan(uncertainty) else uncertainty,
    )
