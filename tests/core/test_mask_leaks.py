"""Leaks: where no lung can be, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_chests import chest, wobbled
from scipy import ndimage

from napari_unet.core.chest_zones import ChestZones, Zone, chest_zones
from napari_unet.core.mask_leaks import FAR, LEAST, mask_leaks


def drawn(seed: int | None = None) -> tuple[ChestZones, dict[str, np.ndarray]]:
    lungs, parts = chest(seed=seed)
    found = chest_zones(lungs)
    assert found is not None
    return found, parts


@pytest.mark.parametrize("part", ["neck", "abdomen", "arm"])
def test_a_part_outside_the_ribs_is_a_leak_with_its_size_and_place(part: str) -> None:
    zones, parts = drawn()
    (leak,) = mask_leaks(zones, zones.lungs | parts[part])
    assert leak.share == pytest.approx(parts[part].sum() / zones.lungs.sum(), rel=0.05)
    row, column = ndimage.center_of_mass(parts[part])
    assert leak.centre == pytest.approx((row / 256, column / 256), abs=0.02)


@pytest.mark.parametrize("part", ["heart", "dome", "spine"])
@pytest.mark.parametrize("seed", range(3))
def test_lung_of_the_other_protocol_and_the_spine_are_none(part: str, seed: int) -> None:
    zones, parts = drawn(seed)
    assert mask_leaks(zones, zones.lungs | parts[part]) == ()


def test_another_border_and_a_missing_lung_are_none() -> None:
    zones, _ = drawn()
    assert mask_leaks(zones, wobbled(zones.lungs, 1, 5)) == ()
    assert mask_leaks(zones, np.zeros_like(zones.lungs)) == ()
    lungs = zones.lungs.copy()
    lungs[130:, :128] = False
    short = chest_zones(lungs)
    assert short is not None and mask_leaks(short, zones.lungs) == ()


def test_it_is_one_connected_part_of_enough_pixels_far_enough_away() -> None:
    zones, _ = drawn()
    outside = (zones.zones == Zone.OUTSIDE) & (zones.distance > FAR)
    least = int(np.ceil(LEAST * zones.lungs.sum()))
    rows, columns = np.indices(outside.shape)
    corner = np.argsort(np.where(outside, rows * 1000 + columns, 10**9).ravel())[:least]
    one = np.zeros(outside.size, bool)
    one[corner] = True
    assert len(mask_leaks(zones, one.reshape(outside.shape))) == 1
    one[corner[-1]] = False
    assert mask_leaks(zones, one.reshape(outside.shape)) == ()
    specks = outside & (rows % 4 == 0) & (columns % 4 == 0)
    assert specks.sum() > least and mask_leaks(zones, specks) == ()
    assert mask_leaks(zones, (zones.zones == Zone.OUTSIDE) & (zones.distance <= FAR)) == ()


def test_the_largest_leak_comes_first() -> None:
    zones, parts = drawn()
    leaks = mask_leaks(zones, zones.lungs | parts["arm"] | parts["abdomen"])
    assert [leak.share for leak in leaks] == sorted((leak.share for leak in leaks), reverse=True)
    assert len(leaks) == 2


def test_masks_of_two_shapes_are_a_mistake() -> None:
    zones, _ = drawn()
    with pytest.raises(ValueError, match="shape"):
        mask_leaks(zones, zones.lungs[1:])
