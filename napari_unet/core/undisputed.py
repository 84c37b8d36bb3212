"""Which zones of a chest two protocols agree about, measured where masks of both are known."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import ndimage

from napari_unet.core.chest_zones import BORDER, ChestZones, Zone, chest_zones

AGREED = 0.98
"""Share of a zone's pixels that must be lung, or must not be, so that the protocols agree about it.

With cxr-lung and masks of `cxr/covid` adapt, whose protocol is another one, 0.991 of the lungs' inner part is
lung, and of what is outside the ribs or over the spine at most 0.003.
"""

_CANDIDATES = (Zone.LUNG, Zone.OUTSIDE, Zone.SPINE)  # in others protocols do differ, or masks vary


def agreed_zones(masks: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> frozenset[Zone]:
    """The zones in which masks by another protocol say what those of a model do.

    Parameters
    ----------
    masks : iterable of (drawn, corrected, ignore), each bool (Y, X)
        Of each case the lungs of the model's mask, those of the mask by the other protocol, and what does not
        count in it.

    Returns
    -------
    frozenset of Zone
        Of Zone.LUNG (its inner part alone, see `agreed_pixels`), OUTSIDE and SPINE; none where the model's
        masks do not have two lungs.
    """
    lung, area = (np.zeros(len(Zone)) for _ in range(2))
    for drawn, corrected, ignore in masks:
        chest = chest_zones(drawn)
        if chest is None:
            continue
        counts = agreed_pixels(chest, _CANDIDATES) & ~ignore
        lung += np.bincount(chest.zones[counts & corrected], minlength=len(Zone))
        area += np.bincount(chest.zones[counts], minlength=len(Zone))
    shares = lung / np.maximum(area, 1)
    agreement = {zone: shares[zone] if zone is Zone.LUNG else 1 - shares[zone] for zone in _CANDIDATES}
    return frozenset(zone for zone in _CANDIDATES if area[zone] and agreement[zone] >= AGREED)


def agreed_pixels(chest: ChestZones, zones: Iterable[Zone]) -> np.ndarray:
    """bool (Y, X): the pixels in these zones; of the lungs only what lies deeper inside than the border.

    That is 2 % of the chest's width: there hands differ.
    """
    inside = ndimage.distance_transform_edt(chest.lungs, sampling=(chest.aspect, 1.0)) / chest.width
    found = np.isin(chest.zones, [int(zone) for zone in zones])
    return np.asarray(found & ((chest.zones != Zone.LUNG) | (inside > BORDER)))
