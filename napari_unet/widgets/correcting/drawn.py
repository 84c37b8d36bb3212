"""What becomes of a line drawn on a mask: a scribble pushes the border, a lasso changes what is inside."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from napari_unet.core.change import Change
from napari_unet.core.correct import polygon_mask, push_border, restore_in, threshold_in
from napari_unet.core.errors import UserError
from napari_unet.core.labels import IGNORE, lung
from napari_unet.widgets.correcting.edits import Make
from napari_unet.widgets.correcting.target import Plane


class Says(StrEnum):
    """What a scribble means."""

    BEGIN = "same as where it begins"
    LUNG = "this is lung"
    NOT = "this is not lung"


class Inside(StrEnum):
    """What becomes of the inside of a lasso."""

    THRESHOLD = "apply a threshold"
    MODEL = "restore the first mask"
    LABEL = "paint"
    NOTHING = "erase"


def scribbled(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """bool (Y, X): the pixels on the line through `points` (N, 2), inside the image."""
    steps = np.abs(np.diff(points, axis=0)).max(axis=1, initial=0) if len(points) > 1 else np.zeros(0)
    parts = [points[:1]]
    for start, end, length in zip(points[:-1], points[1:], steps, strict=True):
        parts.append(np.linspace(start, end, int(np.ceil(2 * length)) + 1))
    at = np.round(np.concatenate(parts)).astype(int)
    at = at[((at >= 0) & (at < shape)).all(axis=1)]
    mask = np.zeros(shape, bool)
    mask[at[:, 0], at[:, 1]] = True
    return mask


def is_inside(plane: Plane, points: np.ndarray, says: Says) -> bool:
    """Whether a scribble shows lung: as it was said, or because it begins in the lung."""
    if says != Says.BEGIN:
        return says == Says.LUNG
    labels = plane.labels()
    row, column = np.clip(np.round(points[0]).astype(int), 0, np.array(labels.shape) - 1)
    return bool(lung(labels[row, column]))


def pushed(plane: Plane, points: np.ndarray, inside: bool, label: int) -> Make:
    """The edit that a scribble makes."""
    line = scribbled(points, plane.labels().shape)
    image, probability = plane.image, plane.probability
    if image is None:
        raise UserError("There is no image under the mask.", "Open it, or make it visible.")
    return lambda labels: push_border(labels, image, probability, line, inside, label)


def lassoed(plane: Plane, polygon: np.ndarray, what: Inside, threshold: float, label: int) -> Make:
    """The edit that a lasso makes. threshold : for `Inside.THRESHOLD`; label : for new pixels."""
    lung_label = label if label not in (0, IGNORE) else 1
    if what == Inside.MODEL:
        model = plane.model
        if model is None:
            raise UserError("There is no first mask of this image.", "Choose another use of the lasso.")
        return lambda labels: restore_in(labels, model.astype(np.uint8), polygon)
    if what == Inside.THRESHOLD:
        probability = plane.probability
        if probability is None:
            raise UserError("There is no probability map of this image.", "Choose another use of the lasso.")
        return lambda labels: threshold_in(labels, probability, polygon, threshold, lung_label)
    value = 0 if what == Inside.NOTHING else label

    def painted(labels: np.ndarray) -> Change:
        within = polygon_mask(polygon, labels.shape)
        return Change.between(labels, np.where(within, np.uint8(value), labels))

    return painted
