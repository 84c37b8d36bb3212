"""Heart and liver in a CT: on which side they lie, beside what the header says the sides are.

Right and left lung come from the image's geometry alone. Where heart and liver lie on the other side, the
patient is mirrored (situs inversus, 1 in 10,000) or the header is wrong; which of them, no image says. So it
is said, and nothing is exchanged.
"""

from __future__ import annotations

import numpy as np

from napari_unet.core.labels import LEFT, RIGHT
from napari_unet.core.masks import between, bounding_box
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.spine import spine_columns
from napari_unet.core.volume_labels import likeliest_labels

SITUS_NOTE = (
    "Heart and liver are on the opposite side from usual: situs inversus or wrong header. Right and left "
    "lung follow the header."
)
_SOFT = (-20.0, 250.0)  # HU of heart and liver, with contrast or not
_LOWER, _UPPER = 0.15, 0.5  # share of the lungs' height, from below, in which the heart is
_BASE = 0.2  # share of the lungs' height, from below, beside which the liver's dome is
# Weights and limit are such that none of the seven volumes of LCTSC's train and val is called mirrored (one
# has a heart that a shrunken lung has drawn to the right), by its reference or by a model's mask that lacks
# the lowest slices; four of them are when they are mirrored.
_HEART_MM, _LIVER, _LIMIT = 8.0, 4.0, -2.4
_COARSE_MM = 5.0
_ALONE = 0.1  # of the other lung: where a lung is gone, the heart may lie on either side
_LEAST_ML = 1000.0  # of both lungs: a mask of less has missed most of them
_CUT = 0.5  # of the lungs' largest slice: a scan that ends where they are wider does not hold their base


def situs_notes(raster: Raster, found: Prediction, towards: str = "S") -> tuple[str, ...]:
    """What is to be said of heart and liver in a CT volume; () if nothing is, or nothing tells.

    raster : of axial slices that lie as usual (core.standing). found : right and left lung in it. towards :
    where the slices go on, "S" to the head or "I" to the feet; of other ways nothing is said.
    """
    if raster.pixels.ndim != 3 or raster.spacing_mm is None or found.task != "segmentation":
        return ()
    if not found.label_set.tells_sides or towards not in ("S", "I"):
        return ()
    steps = _steps(raster.spacing_mm)
    labels = np.stack([_coarse_labels(found, z, steps) for z in range(0, found.planes, steps[0])])
    coarse = raster.pixels[tuple(slice(None, None, step) for step in steps)]
    if towards == "I":
        labels, coarse = labels[::-1], coarse[::-1]
    spacing = tuple(step * mm for step, mm in zip(steps, raster.spacing_mm, strict=True))
    return (SITUS_NOTE,) if is_mirrored(coarse, labels, spacing, raster.row_direction) else ()


def _steps(spacing_mm: tuple[float, ...]) -> list[int]:
    """Every how-many-th voxel is looked at, along each axis."""
    return [max(1, round(_COARSE_MM / step)) for step in spacing_mm]


def _coarse_labels(found: Prediction, z: int, steps: list[int]) -> np.ndarray:
    """uint8 (y, x): the likeliest label of some pixels of a slice, by the nearest pixel of the maps."""
    grid = found.maps[:, z]
    box = found.boxes[z] if found.boxes else (slice(0, found.shape[1]), slice(0, found.shape[2]))
    inside, places = [], []
    for part, size, length, step in zip(box, grid.shape[1:], found.shape[1:], steps[1:], strict=True):
        at = np.arange(0, length, step)
        inside.append((at >= part.start) & (at < part.stop))
        place = (at + 0.5 - part.start) * size / (part.stop - part.start)
        places.append(np.clip(place.astype(int), 0, size - 1))
    some = grid[:, places[0][:, None], places[1][None, :]]
    labels = likeliest_labels(some, found.label_set.values, found.threshold)
    return np.asarray(labels * (inside[0][:, None] & inside[1][None, :]))


def is_mirrored(
    hounsfield: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, ...], row_direction: str | None
) -> bool:
    """Whether heart and liver, taken together, lie on the other side than usual. False where nothing tells:
    also in a scan that ends above the base of the lungs, and where one lung or most of both is missing.

    hounsfield, labels : (Z, Y, X), Z towards the head, Y towards the back; 1 right, 2 left lung. Voxels of
    about 5 mm are enough. spacing_mm : one per axis. row_direction : "L" or "R"; without it nothing is said.
    """
    sizes = [np.count_nonzero(labels == side) for side in (RIGHT, LEFT)]
    if row_direction is None or min(sizes) <= _ALONE * max(sizes):
        return False
    if sum(sizes) * np.prod(spacing_mm) < 1000 * _LEAST_ML:
        return False
    box = bounding_box(labels > 0)
    if box is None:
        return False
    areas = np.count_nonzero(labels, axis=(1, 2))
    if areas[0] > _CUT * areas.max():
        return False
    heart, liver = heart_and_liver(hounsfield, labels, spacing_mm, box)
    if row_direction == "R":
        heart, liver = -heart, 1 / liver
    return bool(heart / _HEART_MM + _LIVER * np.log(liver) < _LIMIT)


def heart_and_liver(
    hounsfield: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, ...], box: tuple[slice, ...]
) -> tuple[float, float]:
    """(mm from the spine to the middle of what is between the lungs, positive where X increases; soft tissue
    at the lungs' base where X is less than the spine's, as a multiple of that where it is more)."""
    low, high = box[0].start, box[0].stop
    middle = spine_columns(labels > 0, hounsfield, spacing_mm)
    soft = (hounsfield > _SOFT[0]) & (hounsfield < _SOFT[1])
    columns = np.arange(labels.shape[2])
    aside: list[float] = []
    for z in range(low + int(_LOWER * (high - low)), low + max(1, int(_UPPER * (high - low)))):
        heart = soft[z] & between(labels[z] > 0, 1)
        if heart.any():
            aside.append(float((heart.sum(axis=0) * (columns - middle[z])).sum() / heart.sum()))
    away = float(np.median(aside)) * spacing_mm[2] if aside else 0.0
    left = right = 1.0
    for z in range(low, low + max(1, int(_BASE * (high - low)))):
        inner = soft[z, box[1], box[2]]
        at = columns[box[2]]
        left += np.count_nonzero(inner[:, at < middle[z]])
        right += np.count_nonzero(inner[:, at > middle[z]])
    return away, float(left / right)
