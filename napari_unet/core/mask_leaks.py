"""Leaks: parts of a new mask that lie where no lung can be, far from the mask of an earlier model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_unet.core.chest_zones import ChestZones, Zone

FAR = 0.03
"""Of the chest's width: a leak is farther from the earlier mask than this."""

LEAST = 0.01
"""Of the lungs' area in the earlier mask: a leak is at least as large as this, in one part."""


@dataclass(frozen=True)
class MaskLeak:
    """One connected part. share : of the lungs' area. centre : (row, column), in 0..1 of the image."""

    share: float
    centre: tuple[float, float]


def mask_leaks(chest: ChestZones, mask: np.ndarray) -> tuple[MaskLeak, ...]:
    """Find the leaks of a mask, the largest first.

    A leak is one connected part of at least 1 % of the lungs' area that lies more than 3 % of the chest's
    width from the earlier mask and outside all zones of the lung (`Zone.OUTSIDE`). Lung behind the heart or
    the dome, at the hilum and apex, and in an opaque field, is none. Neither is a mask that reaches the
    spine: in a patient who is turned, the midline is not known to a pixel.

    Parameters
    ----------
    chest : ChestZones
        Of the earlier model's mask.
    mask : ndarray of bool, shape (Y, X)
        Of the new model; same shape.
    """
    if mask.shape != chest.lungs.shape:
        raise ValueError(f"masks differ in shape: {mask.shape} and {chest.lungs.shape}")
    labels, count = ndimage.label(mask & (chest.zones == Zone.OUTSIDE) & (chest.distance > FAR))
    shares = np.bincount(labels.ravel(), minlength=count + 1)[1:] / max(int(chest.lungs.sum()), 1)
    found = []
    for k in np.argsort(-shares, kind="stable"):
        if shares[k] >= LEAST:
            row, column = (float(at.mean()) + 0.5 for at in np.nonzero(labels == k + 1))
            found.append(MaskLeak(float(shares[k]), (row / mask.shape[0], column / mask.shape[1])))
    return tuple(found)
