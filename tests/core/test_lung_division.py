"""Dividing a CT mask of both lungs: along the membrane between them, near the spine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from napari_unet.core.lung_division import divide_lungs
from napari_unet.core.spine import spine_columns
from napari_unet.io.formats import read_mask, read_raster

SPACING = (5.0, 4.0, 4.0)
SHAPE = (12, 60, 90)
SPINE = 50  # column; the image's middle is 44.5


def _chest(membrane: int, touching: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mask, HU, bool of the lung on the image's left): two lungs with a mediastinum; in front they touch
    along a membrane at column `membrane`."""
    hounsfield = np.full(SHAPE, 40, np.int16)
    mask = np.zeros(SHAPE, bool)
    mask[1:-1, 10:45, 15:85] = True
    mask[:, 22:45, SPINE - 7 : SPINE + 8] = False  # heart and spine
    left = np.zeros(SHAPE, bool)
    left[:, :22, : membrane + 1] = True
    left[:, 22:, :SPINE] = True
    if not touching:
        mask[:, :22, membrane : membrane + 2] = False
    hounsfield[mask] = -850
    if touching:
        hounsfield[:, 10:22, membrane] = np.where(mask[:, 10:22, membrane], -450, 40)
    hounsfield[:, 40:50, SPINE - 3 : SPINE + 4] = 500
    hounsfield[:, 8, 20:80] = 600  # ribs in front
    return mask, hounsfield, left


@pytest.mark.parametrize("membrane", [44, 50, 57])
def test_lungs_that_touch_are_divided_along_the_membrane(membrane: int) -> None:
    mask, hounsfield, left = _chest(membrane)
    labels = divide_lungs(mask, hounsfield, SPACING, "L")
    assert ((labels > 0) == mask).all()
    wrong = mask & ((labels == 1) != left)
    wrong[:, :, membrane] = False  # the membrane itself may be in either
    assert not wrong.any()


def test_lungs_that_do_not_touch_are_divided_where_they_end() -> None:
    mask, hounsfield, left = _chest(57, touching=False)
    labels = divide_lungs(mask, hounsfield, SPACING, "L")
    assert (labels[mask] == np.where(left, 1, 2)[mask]).all()


def test_the_side_follows_the_row_direction() -> None:
    mask, hounsfield, _ = _chest(50)
    ours = divide_lungs(mask, hounsfield, SPACING, "L")
    other = divide_lungs(mask[..., ::-1], hounsfield[..., ::-1], SPACING, "R")
    touching = (slice(None), slice(10, 22), 50)  # the membrane
    ours[touching] = other[..., ::-1][touching] = 0
    assert (ours == other[..., ::-1]).all()


def test_the_middle_is_the_spine_and_not_the_middle_of_the_image() -> None:
    mask, hounsfield, _ = _chest(50)
    assert np.allclose(spine_columns(mask, hounsfield, SPACING), SPINE, atol=0.5)
    mask[..., SPINE:] = False  # one lung is gone: the spine stays where it is
    assert np.allclose(spine_columns(mask, hounsfield, SPACING), SPINE, atol=0.5)


def test_without_bone_the_middle_is_that_of_the_lungs() -> None:
    mask, hounsfield, _ = _chest(50)
    assert np.allclose(spine_columns(mask, np.minimum(hounsfield, 100), SPACING), 49.5)


def test_a_lung_alone_keeps_its_side_where_it_crosses_in_front() -> None:
    mask, hounsfield, _ = _chest(50)
    mask[:, :, :SPINE] = False
    mask[1:-1, 10:20, SPINE - 8 : SPINE] = True  # 32 mm over the spine
    hounsfield[mask] = -850
    labels = divide_lungs(mask, hounsfield, SPACING, "L")
    assert (labels[mask] == 2).all()


def test_an_empty_mask_stays_empty() -> None:
    mask, hounsfield, _ = _chest(50)
    assert not divide_lungs(np.zeros_like(mask), hounsfield, SPACING, "L").any()
    with pytest.raises(ValueError, match="empty"):
        spine_columns(np.zeros_like(mask), hounsfield, SPACING)


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
