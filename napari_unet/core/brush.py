"""The smart brush: paints only those pixels of its disc that look like the one it was set down on.

With a model's probability at hand it also paints those of which the model says the same as the brush.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_unet.core.change import Change
from napari_unet.core.labels import IGNORE
from napari_unet.core.lung_labels import change_in, no_change

TOLERANCE = 0.15
_SAMPLES = 64  # pixels per axis from which the image's range is estimated


def smart_disc(
    image: np.ndarray,
    probability: np.ndarray | None,
    labels: np.ndarray,
    centre: tuple[float, float],
    radius: float,
    label: int,
    tolerance: float = TOLERANCE,
    seed_value: float | None = None,
    threshold: float = 0.5,
) -> Change:
    """What one touch of the smart brush paints: `label` where the disc agrees with its centre; 0 erases.

    image, labels : (Y, X); probability : 0..1, or None. centre : (row, column), radius : in pixels; the disc
    may reach over the edge. tolerance : share of the image's range by which a pixel may differ, 0..1;
    at 1 this is a plain brush. seed_value : the intensity to agree with, as `seed_at` gives it for the place
    where the stroke began; None takes it at the centre. Pixels of which the model says what the brush says
    (lung, or not lung when erasing) agree in any case; to the model, pixels are lung from `threshold` on.
    What is painted hangs together; pixels to be ignored stay.
    """
    box = _box(centre, radius, labels.shape)
    old = labels[box]
    if not old.size:
        return no_change(labels)
    rows, columns = np.ogrid[box]
    disc = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2
    if tolerance < 1:
        seed = seed_at(image, centre) if seed_value is None else seed_value
        agrees = _alike(image, box, seed, tolerance)
        if probability is not None and label != IGNORE:
            agrees |= (probability[box] >= threshold) == (label > 0)
        disc &= agrees
    return change_in(labels, box, np.where(_joined(disc, box, centre), label, old))


def seed_at(image: np.ndarray, at: tuple[float, float]) -> float:
    """The intensity at (row, column), the median of 3×3 pixels; of the nearest place inside the image."""
    row, column = _pixel(at, image.shape)
    near = image[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
    return float(np.median(near))


def _alike(image: np.ndarray, box: tuple[slice, slice], seed: float, tolerance: float) -> np.ndarray:
    even = ndimage.gaussian_filter(image[box].astype(np.float32), 1.0, mode="nearest", truncate=2.0)
    return np.asarray(np.abs(even - np.float32(seed)) <= tolerance * _range(image))


def _joined(agrees: np.ndarray, box: tuple[slice, slice], centre: tuple[float, float]) -> np.ndarray:
    """The part of `agrees` nearest to the centre, its small holes closed."""
    if not agrees.any():
        return agrees
    parts, count = ndimage.label(agrees)
    if count > 1:
        row, column = (round(c) - b.start for c, b in zip(centre, box, strict=True))
        rows, columns = np.nonzero(parts)
        first = np.argmin((rows - row) ** 2 + (columns - column) ** 2)
        agrees = parts == parts[rows[first], columns[first]]
    return np.asarray(ndimage.binary_fill_holes(agrees))


def _range(image: np.ndarray) -> np.float32:
    """From the 1st to the 99th percentile of some pixels of the image; 1 where it is flat."""
    steps = tuple(slice(None, None, max(1, size // _SAMPLES)) for size in image.shape)
    low, high = np.nanpercentile(image[steps], (1, 99))
    return np.float32(high - low) if high > low else np.float32(1)


def _box(centre: tuple[float, float], radius: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    def along(at: float, size: int) -> slice:
        start = min(max(0, int(np.ceil(at - radius))), size)
        return slice(start, min(max(start, int(np.floor(at + radius)) + 1), size))

    return along(centre[0], shape[0]), along(centre[1], shape[1])


def _pixel(at: tuple[float, float], shape: tuple[int, ...]) -> tuple[int, int]:
    row, column = (min(max(0, round(a)), size - 1) for a, size in zip(at, shape, strict=True))
    return row, column
