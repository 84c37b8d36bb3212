from __future__ import annotations

import numpy as np
import pytest
from net_fakes import lungs, xray

from napari_unet.core.metrics import dice
from napari_unet.training.shifts import CT_SHIFTS, SHIFTS, shifted


def _masks(mask: np.ndarray) -> np.ndarray:
    """A label, and that everything counts."""
    return np.stack([mask, np.zeros_like(mask)])


@pytest.mark.parametrize("name", [*SHIFTS, *CT_SHIFTS])
@pytest.mark.parametrize("shape", [(64, 64), (48, 80)])
def test_a_shift_changes_the_image_and_nothing_else(name: str, shape: tuple[int, int]) -> None:
    mask = lungs(*shape)
    image = xray(mask)
    before = image.copy(), mask.copy()
    moved, (moved_mask, _) = shifted(image, _masks(mask), name)
    assert (moved.shape, moved.dtype, moved_mask.shape, moved_mask.dtype) == (shape, np.float32, shape, bool)
    assert moved.min() >= 0 and moved.max() <= 1
    assert np.abs(moved - image).mean() > 0.005
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(mask, before[1])
    again = shifted(image, _masks(mask), name)
    np.testing.assert_array_equal(moved, again[0])


@pytest.mark.parametrize("name", [*SHIFTS, *CT_SHIFTS])
def test_image_and_mask_stay_together(name: str) -> None:
    """Lungs are dark in the image: where the mask goes, the dark goes."""
    mask = lungs(96, 96)
    lung, tissue = (0.8, 0.2) if name == "large field" else (0.2, 0.8)  # which has air around
    moved, (moved_mask, _) = shifted(np.where(mask, lung, tissue).astype(np.float32), _masks(mask), name)
    moved = moved if lung < tissue else 1 - moved
    dark = moved < (np.percentile(moved, 5) + np.percentile(moved, 95)) / 2
    assert dice(dark[8:-8, 8:-8], moved_mask[8:-8, 8:-8]) > 0.9


def test_only_geometry_moves_the_mask() -> None:
    mask = lungs()
    still = {
        name
        for name in SHIFTS | CT_SHIFTS
        if np.array_equal(shifted(xray(mask), _masks(mask), name)[1][0], mask)
    }
    assert still == {
        *("adaptive equalisation", "equalisation", "haze", "coarse"),
        *("low dose", "soft kernel", "sharp kernel"),
    }


@pytest.mark.parametrize("name", [*SHIFTS, *CT_SHIFTS])
def test_an_empty_mask_stays_empty(name: str) -> None:
    assert not shifted(xray(lungs()), np.zeros((2, 64, 64), bool), name)[1].any()


@pytest.mark.parametrize("name", [*SHIFTS, *CT_SHIFTS])
def test_what_does_not_count_moves_with_the_lungs(name: str) -> None:
    mask = lungs()
    _, moved = shifted(xray(mask), np.stack([mask, mask]), name)
    np.testing.assert_array_equal(moved[0], moved[1])


def test_a_tight_frame_goes_around_all_labels() -> None:
    mask = lungs()
    right, left = mask.copy(), mask.copy()
    right[:, 32:], left[:, :32] = False, False
    _, (one, other, _) = shifted(xray(mask), np.stack([right, left, ~mask]), "tight frame")
    _, (both, _) = shifted(xray(mask), _masks(mask), "tight frame")
    assert one.any() and other.any() and not (one & other).any()
    np.testing.assert_array_equal(one | other, both)
