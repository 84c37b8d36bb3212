"""What other scanners do to a volume."""

from __future__ import annotations

import numpy as np
import pytest
from ct_phantom import SPACING_MM, chest_ct

from napari_unet.training import ct_changes


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def _ramp(count: int = 12) -> np.ndarray:
    return np.broadcast_to(np.arange(count, dtype=np.float32)[:, None, None], (count, 4, 5)).copy()


def test_slices_in_their_place_are_copies_and_those_between_are_linear() -> None:
    volume = _ramp()
    assert np.array_equal(ct_changes.slices_at(volume, [0, 3, 11], 1), volume[[0, 3, 11]])
    between = ct_changes.slices_at(volume, [2.25, 7.5], 1)
    assert between[:, 0, 0] == pytest.approx([2.25, 7.5])


def test_thick_slices_are_averages() -> None:
    step = np.zeros((12, 4, 4), np.float32)
    step[6:] = 100
    found = ct_changes.slices_at(step, [2, 5.5, 9], 4)
    assert found[:, 0, 0] == pytest.approx([0, 50, 100])
    assert ct_changes.slices_at(_ramp(), [5], 3)[0, 0, 0] == pytest.approx(5)


def test_beyond_the_ends_the_last_slice_goes_on() -> None:
    found = ct_changes.slices_at(_ramp(), [-3, 14], 1)
    assert found[:, 0, 0] == pytest.approx([0, 11])


def test_labels_come_from_the_nearest_slice() -> None:
    labels = np.repeat(np.array([1, 2, 0], np.uint8), 4).reshape(3, 2, 2)
    found = ct_changes.slices_at(labels, [0.4, 0.6, 1.6], 1, nearest=True)
    assert found.dtype == np.uint8
    assert found[:, 0, 0].tolist() == [1, 2, 0]


def test_one_slice_is_a_volume_too() -> None:
    assert ct_changes.slices_at(_ramp(1) + 7, [0, 0.3], 2)[:, 0, 0] == pytest.approx([7, 7])


def test_a_soft_kernel_calms_noise_and_a_sharp_one_adds_to_it(rng: np.random.Generator) -> None:
    noise = rng.normal(0, 20, (3, 60, 60))
    assert ct_changes.other_kernel(noise, -1, 1.5, (1, 1)).std() < 10
    assert ct_changes.other_kernel(noise, 1, 1.5, (1, 1)).std() > 30
    flat = np.full((2, 30, 30), -600.0)
    assert ct_changes.other_kernel(flat, 1.5, 2, (0.7, 0.7)) == pytest.approx(flat)


@pytest.mark.parametrize("grain", [0, 1])
def test_a_low_dose_adds_noise_of_the_strength_that_was_asked_for(
    rng: np.random.Generator, grain: float
) -> None:
    flat = np.full((4, 80, 80), -600, np.float32)
    found = ct_changes.low_dose(flat, 50, grain, rng) - flat
    assert found.std() == pytest.approx(50, rel=0.05)
    neighbours = np.corrcoef(found[:, :, 1:].ravel(), found[:, :, :-1].ravel())[0, 1]
    assert (neighbours > 0.4) == (grain > 0)


def test_dense_slices_are_noisier(rng: np.random.Generator) -> None:
    volume = np.full((2, 80, 80), -800, np.float32)
    volume[1] = 40
    found = ct_changes.low_dose(volume, 40, 0, rng) - volume
    assert found[1].std() > 1.3 * found[0].std()


def test_calibration_keeps_the_place_of_air() -> None:
    found = ct_changes.other_calibration(np.array([[[-1000.0, 0.0]]]), 1.05, 10)
    assert found.ravel() == pytest.approx([-990, 60])


def test_a_round_field_of_view() -> None:
    inside = ct_changes.inside_circle((5, 101, 201), (0.5, 0.5), 0.2)
    assert inside.shape == (101, 201)
    assert inside.sum() == pytest.approx(np.pi * 40.2**2, rel=0.02)
    assert inside[50, 100] and not inside[0, 0]


def test_metal_is_bright_and_its_streaks_fade(rng: np.random.Generator) -> None:
    pixels, _ = chest_ct(noise=0)
    hu = pixels.astype(np.float32)
    found = ct_changes.with_metal(hu, (24, 48, 48), 6, 3, 400, SPACING_MM[1:], rng)
    change = np.abs(found - np.clip(hu, -1024, 3071))
    touched = np.flatnonzero(change.any(axis=(1, 2)))
    assert touched.tolist() == [23, 24, 25]
    assert found[24, 48, 48] == 3071
    near, far = change[24, 40:57, 40:57], change[24, :8]
    assert near[near < 2000].mean() > 1.5 * far.mean() > 0
    assert np.array_equal(hu, pixels)  # the input stays
