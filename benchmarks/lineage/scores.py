"""How well a model divides images: pixels, borders, and the objects between thinned borders."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from napari_unet.core.metrics import dice
from napari_unet.core.partition import (
    boundary_f1,
    information_score,
    objects_of,
    pixel_error,
    rand_score,
)

THRESHOLDS = (*np.round(np.arange(0.1, 0.96, 0.05), 2).tolist(), 0.97, 0.98, 0.99)
PLAIN = ("pixel error", "Dice", "boundary F1")
DIVIDED = ("V_rand", "V_info")


def thinned(mask: np.ndarray) -> np.ndarray:
    """The partition (int, 0 is border) of a mask of objects once the borders between them are one pixel wide.

    Arganda-Carreras et al. 2015, section 2.4: borders are thinned before regions are compared, so that their
    width does not count. Each object grows until it meets another (watershed of the distance to the nearest),
    which thins what is between two of them and keeps which are apart, at the image's edge too.
    """
    if not mask.any():
        return np.zeros(mask.shape, int)
    distance = ndimage.distance_transform_edt(~mask)
    return np.asarray(watershed(distance, objects_of(mask), watershed_line=True))


def of_pixels(mask: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """`PLAIN` of one image. mask, reference : bool (Y, X)."""
    return {
        "pixel error": pixel_error(mask, reference),
        "Dice": dice(mask, reference),
        "boundary F1": boundary_f1(mask, reference),
    }


def of_objects(mask: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """`DIVIDED` of one image. mask, reference : bool (Y, X)."""
    partition, truth = thinned(mask), objects_of(reference)
    return {"V_rand": rand_score(partition, truth), "V_info": information_score(partition, truth)}


def least_pixel_error(probabilities: Sequence[np.ndarray], references: Sequence[np.ndarray]) -> float:
    """The threshold with the lowest mean pixel error, the nearest to a half; of float and bool (Y, X)."""
    return _best(probabilities, references, lambda mask, reference: -pixel_error(mask, reference))


def best_division(probabilities: Sequence[np.ndarray], references: Sequence[np.ndarray]) -> float:
    """The threshold with the highest mean V_rand, the nearest to a half; of float and bool (Y, X)."""
    truths = {id(reference): objects_of(reference) for reference in references}
    return _best(
        probabilities,
        references,
        lambda mask, reference: rand_score(thinned(mask), truths[id(reference)]),
    )


def _best(
    probabilities: Sequence[np.ndarray],
    references: Sequence[np.ndarray],
    score: Callable[[np.ndarray, np.ndarray], float],
) -> float:
    pairs = list(zip(probabilities, references, strict=True))

    def rank(threshold: float) -> tuple[float, float]:
        found = [score(probability >= threshold, reference) for probability, reference in pairs]
        return float(np.mean(found)), -abs(threshold - 0.5)

    return float(max(THRESHOLDS, key=rank))
