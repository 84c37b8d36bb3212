"""Zones in which two protocols agree."""

from __future__ import annotations

import numpy as np
from drawn_chests import chest

from napari_unet.core.chest_zones import Zone, chest_zones
from napari_unet.core.undisputed import agreed_pixels, agreed_zones

LUNGS, PARTS = chest()
NOTHING = np.zeros_like(LUNGS)
AROUND = chest_zones(LUNGS)
assert AROUND is not None


def agreed(*corrected: np.ndarray, ignore: np.ndarray = NOTHING) -> frozenset[Zone]:
    return agreed_zones((LUNGS, mask, ignore) for mask in corrected)


def test_a_protocol_that_adds_the_heart_agrees_inside_and_outside() -> None:
    assert agreed(LUNGS | PARTS["heart"]) == {Zone.LUNG, Zone.OUTSIDE, Zone.SPINE}


def test_what_masks_contradict_is_disputed() -> None:
    upper = LUNGS & (np.arange(len(LUNGS)) < len(LUNGS) // 2)[:, None]
    assert agreed(upper) == {Zone.OUTSIDE, Zone.SPINE}
    assert agreed(np.ones_like(LUNGS)) == {Zone.LUNG}
    spine = AROUND.zones == Zone.SPINE
    assert agreed(LUNGS | spine) == {Zone.LUNG, Zone.OUTSIDE}
    assert agreed(LUNGS | spine, ignore=spine) == {Zone.LUNG, Zone.OUTSIDE}  # of the spine nothing is known


def test_many_cases_count_by_their_area() -> None:
    assert Zone.OUTSIDE not in agreed(LUNGS, np.ones_like(LUNGS))
    assert Zone.OUTSIDE in agreed(*[LUNGS] * 60, np.ones_like(LUNGS))


def test_a_mask_without_two_lungs_says_nothing() -> None:
    assert agreed_zones([(NOTHING, LUNGS, NOTHING)]) == frozenset() == agreed_zones([])


def test_only_the_inner_part_of_a_lung_is_certain() -> None:
    inner = agreed_pixels(AROUND, [Zone.LUNG])
    assert inner.any() and not (inner & ~LUNGS).any()
    moved = LUNGS & np.roll(LUNGS, 1, axis=0) & np.roll(LUNGS, -1, axis=1)
    assert not (inner & ~moved).any() and inner.sum() < moved.sum()
    assert not agreed_pixels(AROUND, []).any()
    outside = agreed_pixels(AROUND, [Zone.OUTSIDE])
    assert np.array_equal(outside, AROUND.zones == Zone.OUTSIDE)
