"""Trachea and main bronchi, where a mask of the lungs holds a piece of them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.airways import main_airways
from napari_unet.core.spine import mm_from_spine

SPACING = (3.0, 2.0, 2.0)
SPINE = 45


def _found(mask: np.ndarray, hounsfield: np.ndarray, spacing: tuple[float, ...] = SPACING) -> np.ndarray:
    aside = mm_from_spine(mask, hounsfield, spacing) if mask.any() else np.zeros((len(mask), mask.shape[2]))
    return main_airways(mask, hounsfield, spacing, aside)


def _chest(lung_hu: int = -820) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mask, HU, lumen in the mask): two lungs and a trachea, whose right bronchus goes on into the mask."""
    shape = (50, 60, 90)
    hounsfield, mask, lumen = np.full(shape, 40, np.int16), np.zeros(shape, bool), np.zeros(shape, bool)
    mask[2:44, 8:50, 8:36] = mask[2:44, 8:50, 54:82] = True
    hounsfield[mask] = lung_hu
    hounsfield[:, 46:56, SPINE - 4 : SPINE + 5] = 500
    hounsfield[20:, 28:34, SPINE - 3 : SPINE + 3] = -1000  # trachea
    hounsfield[20:24, 29:33, 20 : SPINE - 3] = -1000  # right bronchus, down to a bronchus of a lobe
    lumen[20:24, 29:33, 20:36] = True
    return mask, hounsfield, lumen


def test_a_bronchus_that_joins_the_trachea_is_found_with_its_wall_and_no_farther_than_20_mm() -> None:
    mask, hounsfield, lumen = _chest()
    before = mask.copy()
    found = _found(mask, hounsfield)
    np.testing.assert_array_equal(mask, before)
    assert not (found & ~mask).any()
    near = lumen.copy()
    near[:, :, :26] = False  # ten voxels of 2 mm from where the mask begins
    assert found[near].all() and not found[..., :25].any()
    assert found[22, 28, 30] and not found[22, 27, 30]  # 2 mm of wall, and 4
    assert found[19, 30, 30] and not found[18, 30, 30]  # 3 mm, and 6
    assert not found[..., 50:].any()


@pytest.mark.parametrize("slice_mm", [0.5, 1.0, 5.0, 10.0])
def test_20_mm_are_20_mm_along_the_body_too_however_thick_the_slices(slice_mm: float) -> None:
    """A bronchus that goes straight down inside of the mask, beside the trachea that it comes from."""
    spacing = (slice_mm, 2.0, 2.0)
    high = round(130 / slice_mm)
    hounsfield, mask = np.full((high, 60, 90), 40, np.int16), np.zeros((high, 60, 90), bool)
    mask[:, 8:50, 8:40] = mask[:, 8:50, 54:82] = True
    hounsfield[mask] = -820
    hounsfield[:, 46:56, SPINE - 4 : SPINE + 5] = 500
    top = round(70 / slice_mm)
    hounsfield[top:, 28:34, SPINE - 3 : SPINE + 3] = -1000
    hounsfield[:top, 30:33, 36:39] = -1000  # down from where the trachea ends
    hounsfield[top, 30:33, 36 : SPINE - 3] = -1000
    down = np.flatnonzero(_found(mask, hounsfield, spacing)[:, 31, 37])
    assert 0 < (top - down[0]) * slice_mm <= 23 + slice_mm
    assert (top - down[0]) * slice_mm >= 15 - slice_mm


def test_a_piece_of_the_trachea_in_the_mask_is_found() -> None:
    mask, hounsfield, _ = _chest()
    mask[34:38, 28:34, 36 : SPINE + 3] = True
    assert _found(mask, hounsfield)[34:38, 28:34, SPINE - 3 : SPINE + 3].all()


@pytest.mark.parametrize(("upside_down", "other_way"), [(True, False), (False, True), (True, True)])
def test_the_order_of_slices_and_columns_does_not_matter(upside_down: bool, other_way: bool) -> None:
    turn = (
        slice(None, None, -1 if upside_down else 1),
        slice(None),
        slice(None, None, -1 if other_way else 1),
    )
    mask, hounsfield, _ = _chest()
    found = _found(mask[turn], hounsfield[turn])
    np.testing.assert_array_equal(found[turn], _found(mask, hounsfield))


def test_air_that_is_no_trachea_leads_nowhere() -> None:
    mask, hounsfield, _ = _chest()
    hounsfield[20:, 28:34, SPINE - 3 : SPINE + 3] = 40
    hounsfield[4:14, 30:48, SPINE - 8 : SPINE] = -1000  # a hernia of the stomach: 30 mm high
    hounsfield[8, 30, 20:SPINE] = -1000
    assert not _found(mask, hounsfield).any()
    hounsfield[:, :20, SPINE - 3 : SPINE + 3] = -1000  # air before the chest, over all slices
    hounsfield[10, 15, 20:SPINE] = -1000
    assert not _found(mask, hounsfield).any()


def test_lung_as_thin_as_air_is_not_taken_for_an_airway() -> None:
    mask, hounsfield, _ = _chest(lung_hu=-960)
    assert not _found(mask, hounsfield).any()


def test_without_lungs_there_are_no_airways() -> None:
    mask, hounsfield, _ = _chest()
    assert not _found(np.zeros_like(mask), hounsfield).any()
