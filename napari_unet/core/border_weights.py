"""The weights that make a network learn the thin borders between objects that nearly touch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

_NOTHING = 6.0  # in sigmas: beyond this sum of distances less than 2e-8 of w0 is left


@dataclass(frozen=True)
class BorderWeights:
    """Parameters of equation 2 of Ronneberger 2015, with the paper's values.

    Parameters
    ----------
    w0 : float
        How much more a pixel counts that lies on two borders at once.
    sigma : float
        Width, in pixels of the network's input.

    Raises
    ------
    ValueError
        If one of them is not positive.
    """

    w0: float = 10.0
    sigma: float = 5.0

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (no field: misspelt settings are reported)

    def __post_init__(self) -> None:
        for name in ("w0", "sigma"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"border_weights.{name} must be positive, got {getattr(self, name)}")


def between_objects(objects: np.ndarray, weights: BorderWeights) -> np.ndarray:
    """Compute w0 · exp(-(d1 + d2)² / 2 sigma²), the second term of equation 2 of Ronneberger 2015.

    d1 and d2 are the distances to the nearest and the second nearest object. The paper leaves open what they
    are inside of an object; here the term is 0 there, as in its figure 3d.

    Parameters
    ----------
    objects : ndarray of int, shape (Y, X)
        0 outside; each object has a number of its own.
    weights : BorderWeights
        With sigma in pixels of this array.

    Returns
    -------
    ndarray of float64, shape (Y, X)
        0 everywhere if there are fewer than two objects. Terms below 2e-8 of w0 are 0.
    """
    reach = math.ceil(_NOTHING * weights.sigma)
    nearest, second = (np.full(objects.shape, np.inf) for _ in range(2))
    for number, box in enumerate(ndimage.find_objects(objects), start=1):
        if box is None:
            continue
        wide = tuple(slice(max(0, part.start - reach), part.stop + reach) for part in box)
        distance = ndimage.distance_transform_edt(objects[wide] != number)
        second[wide] = np.minimum(second[wide], np.maximum(nearest[wide], distance))
        nearest[wide] = np.minimum(nearest[wide], distance)
    term = weights.w0 * np.exp(-((nearest + second) ** 2) / (2 * weights.sigma**2))
    return np.where(objects > 0, 0.0, term)
