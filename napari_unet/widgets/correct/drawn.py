"""What becomes of a line drawn on a mask: a scribble pushes the border, a lasso changes what is inside."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from napari_unet.core.change import Change
from napari_unet.core.correct import of_one_label, polygon_mask, push_border, restore_in, threshold_in
from napari_unet.core.errors import UserError
from napari_unet.core.labels import IGNORE, lung
from napari_unet.widgets.correct.edits import Make
from napari_unet.widgets.correct.target import Plane


class Says(StrEnum):
    """What a scribble means."""

    BEGIN = "same as where it begins"
    IN = "this is lung"
    NOT = "this is not lung"

    def of(self, label: str) -> str:
        """The same of another label."""
        return self.value.replace("lung", label)


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


def painted_label(plane: Plane) -> int:
    """What new pixels get: the chosen label, or the first of the set if none is chosen."""
    chosen = int(plane.layer.selected_label)
    return chosen if chosen not in (0, IGNORE) else plane.label_set.values[0]


def is_inside(plane: Plane, points: np.ndarray, says: Says) -> bool:
    """Whether a scribble shows lung (or the chosen label): as it was said, or because it begins in it."""
    if says != Says.BEGIN:
        return says == Says.IN
    labels = plane.labels()
    row, column = np.clip(np.round(points[0]).astype(int), 0, np.array(labels.shape) - 1)
    here = labels[row, column]
    return bool(lung(here) if plane.label_set.of_lungs else here == painted_label(plane))


def pushed(plane: Plane, points: np.ndarray, inside: bool) -> Make:
    """The edit that a scribble makes; of labels that are not lungs it moves the border of the chosen one."""
    line = scribbled(points, plane.labels().shape)
    image, probability, label = plane.image, plane.probability_of_one(), painted_label(plane)
    if image is None:
        raise UserError("There is no image under the mask.", "Open it, or make it visible.")
    if plane.label_set.of_lungs:
        return lambda labels: push_border(labels, image, probability, line, inside, label)
    return lambda labels: of_one_label(
        labels, label, lambda alone: push_border(alone, image, probability, line, inside)
    )


def lassoed(plane: Plane, polygon: np.ndarray, what: Inside, threshold: float, label: int) -> Make:
    """The edit that a lasso makes. threshold : for `Inside.THRESHOLD`; label : for new pixels."""
    if what == Inside.MODEL:
        model = plane.model
        if model is None:
            raise UserError("There is no first mask of this image.", "Choose another use of the lasso.")
        return lambda labels: restore_in(labels, model.astype(np.uint8), polygon)
    if what == Inside.THRESHOLD:
        probability = plane.probability
        if probability is None:
            raise UserError("There is no probability map of this image.", "Choose another use of the lasso.")
        new = painted_label(plane)
        return lambda labels: threshold_in(labels, probability, polygon, threshold, new)
    value = 0 if what == Inside.NOTHING else label

    def painted(labels: np.ndarray) -> Change:
        within = polygon_mask(polygon, labels.shape)
        return Change.between(labels, np.where(within, np.uint8(value), labels))

    return painted
