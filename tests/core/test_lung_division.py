"""Dividing a CT mask of both lungs: along the membrane between them, near the spine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ct_phantom import SPINE, TOUCHING_MM, touching_lungs
from scipy import ndimage

from napari_unet.core.lung_division import divide_lungs, side_of_membrane
from napari_unet.core.spine import mm_from_spine, spine_columns
from napari_unet.io.formats import read_mask, read_raster


@pytest.mark.parametrize("membrane", [44, 50, 57])
def test_lungs_that_touch_are_divided_along_the_membrane(membrane: int) -> None:
    mask, hounsfield, left = touching_lungs(membrane)
    labels = divide_lungs(mask, hounsfield, TOUCHING_MM, "L")
    assert ((labels > 0) == mask).all()
    wrong = mask & ((labels == 1) != left)
    wrong[:, :, membrane] = False  # the membrane itself may be in either
    assert not wrong.any()


def test_lungs_that_do_not_touch_are_divided_where_they_end() -> None:
    mask, hounsfield, left = touching_lungs(57, touching=False)
    labels = divide_lungs(mask, hounsfield, TOUCHING_MM, "L")
    assert (labels[mask] == np.where(left, 1, 2)[mask]).all()


def test_the_side_follows_the_row_direction() -> None:
    mask, hounsfield, _ = touching_lungs(50)
    ours = divide_lungs(mask, hounsfield, TOUCHING_MM, "L")
    other = divide_lungs(mask[..., ::-1], hounsfield[..., ::-1], TOUCHING_MM, "R")
    touching = (slice(None), slice(10, 22), 50)  # the membrane
    ours[touching] = other[..., ::-1][touching] = 0
    assert (ours == other[..., ::-1]).all()


def test_the_middle_is_the_spine_and_not_the_middle_of_the_image() -> None:
    mask, hounsfield, _ = touching_lungs(50)
    assert np.allclose(spine_columns(mask, hounsfield, TOUCHING_MM), SPINE, atol=0.5)
    mask[..., SPINE:] = False  # one lung is gone: the spine stays where it is
    assert np.allclose(spine_columns(mask, hounsfield, TOUCHING_MM), SPINE, atol=0.5)


def test_without_bone_the_middle_is_that_of_the_lungs() -> None:
    mask, hounsfield, _ = touching_lungs(50)
    assert np.allclose(spine_columns(mask, np.minimum(hounsfield, 100), TOUCHING_MM), 49.5)


def test_a_lung_alone_keeps_its_side_where_it_crosses_in_front() -> None:
    mask, hounsfield, _ = touching_lungs(50)
    mask[:, :, :SPINE] = False
    mask[1:-1, 10:20, SPINE - 8 : SPINE] = True  # 32 mm over the spine
    hounsfield[mask] = -850
    labels = divide_lungs(mask, hounsfield, TOUCHING_MM, "L")
    assert (labels[mask] == 2).all()


@pytest.mark.parametrize("membrane", [44, 50, 57])
def test_the_membrane_decides_where_a_network_took_the_middle(membrane: int) -> None:
    mask, hounsfield, left = touching_lungs(membrane)
    first = np.broadcast_to(np.arange(mask.shape[2]) < 50, mask.shape)
    before = first.copy()
    side = side_of_membrane(
        mask, first, hounsfield, TOUCHING_MM, mm_from_spine(mask, hounsfield, TOUCHING_MM)
    )
    wrong = mask & (side != left)
    wrong[:, :, membrane] = False
    assert not wrong.any()
    np.testing.assert_array_equal(first, before)
    np.testing.assert_array_equal(side[~mask], first[~mask])


def test_what_lies_far_from_the_spine_or_touches_nothing_stays_with_the_network() -> None:
    mask, hounsfield, left = touching_lungs(50)
    first = left.copy()
    first[3:6, 30:36, 16:20] = False  # far out in the left of the image
    mask[5, 50, 48] = True  # alone behind the spine, and the network gives it to the lung on the right
    first[5, 50, 48] = False
    side = side_of_membrane(
        mask, first, hounsfield, TOUCHING_MM, mm_from_spine(mask, hounsfield, TOUCHING_MM)
    )
    assert not side[3:6, 30:36, 16:20].any() and not side[5, 50, 48]


def test_an_empty_mask_stays_empty() -> None:
    mask, hounsfield, _ = touching_lungs(50)
    nothing = np.zeros_like(mask)
    assert not divide_lungs(nothing, hounsfield, TOUCHING_MM, "L").any()
    assert side_of_membrane(nothing, mask, hounsfield, TOUCHING_MM, np.zeros((12, 90))) is mask
    with pytest.raises(ValueError, match="empty"):
        spine_columns(np.zeros_like(mask), hounsfield, TOUCHING_MM)


def test_lungs_of_the_training_data_that_are_two_parts_are_told_apart_exactly(data: Path) -> None:
    folder = data / "ct" / "lctsc"
    for name in ("Case_004.nii.gz", "Case_005.nii.gz"):
        raster = read_raster(folder / "images" / name)
        mask = read_mask(folder / "masks" / name) > 0
        assert raster.spacing_mm is not None
        labels = divide_lungs(mask, raster.pixels, raster.spacing_mm, raster.row_direction)
        parts, count = ndimage.label(mask)
        assert count == 2
        found = [set(np.unique(labels[parts == k])) for k in (1, 2)]
        assert found in ([{1}, {2}], [{2}, {1}])
