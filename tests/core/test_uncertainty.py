"""Where a model is uncertain: not along sharp boundaries, but along blurred ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.core.labels import IGNORE
from napari_unet.core.uncertainty import boundary_uncertainty, entropy, uncertain_places

SIDE = 128


def square() -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[32:96, 32:96] = True
    return mask


def blurred(sigma: float) -> np.ndarray:
    """Entropy of a square whose border is `sigma` pixels wide."""
    return entropy(ndimage.gaussian_filter(square().astype(np.float32), sigma))


def patch(row: int, column: int, value: float = 1.0) -> np.ndarray:
    uncertainty = np.zeros((SIDE, SIDE), np.float32)
    uncertainty[row - 6 : row + 7, column - 6 : column + 7] = value
    return uncertainty


def test_the_entropy_is_in_bits() -> None:
    np.testing.assert_allclose(entropy(np.array([0.0, 0.5, 1.0, 0.11])), [0, 1, 0, 0.5], atol=1e-3)
    np.testing.assert_allclose(entropy(np.array([0, 128, 255], np.uint8)), [0, 1, 0], atol=1e-4)


def test_a_sharp_boundary_is_certain_and_no_boundary_at_all_is_wholly_uncertain() -> None:
    assert boundary_uncertainty(blurred(0.5), square()) == 0
    assert boundary_uncertainty(np.ones((SIDE, SIDE), np.float32), square()) == 1
    assert np.isnan(boundary_uncertainty(blurred(1), np.zeros((SIDE, SIDE), bool)))


def test_the_wider_the_boundary_the_more_uncertainty() -> None:
    found = [boundary_uncertainty(blurred(sigma), square()) for sigma in (0.5, 2, 4, 8)]
    assert found == sorted(found)
    assert found[0] < 0.05 < 0.5 < found[-1]


def test_half_an_uncertain_boundary_is_about_a_half() -> None:
    uncertainty = np.zeros((SIDE, SIDE), np.float32)
    uncertainty[:, :64] = 1
    assert boundary_uncertainty(uncertainty, square()) == pytest.approx(0.5, abs=0.05)


def test_the_map_may_be_smaller_than_the_mask() -> None:
    large = np.kron(square(), np.ones((4, 4), bool))
    expected = boundary_uncertainty(blurred(4), square())
    assert boundary_uncertainty(blurred(4), large) == pytest.approx(expected)
    bytes_ = np.rint(blurred(4) * 255).astype(np.uint8)
    assert boundary_uncertainty(bytes_, square()) == pytest.approx(expected, abs=0.01)


@settings(deadline=None, max_examples=40)
@given(st.integers(10, 117), st.integers(10, 117), st.sampled_from([1, 3, 8]))
def test_a_patch_of_uncertainty_is_found_in_pixels_of_the_mask(row: int, column: int, scale: int) -> None:
    mask = np.zeros((SIDE * scale, SIDE * scale), np.uint8)
    places = uncertain_places(patch(row, column), mask)
    assert len(places) == 1
    assert np.hypot(places[0][0] - row * scale, places[0][1] - column * scale) <= 6 * scale


def test_the_worst_comes_first_and_places_are_apart() -> None:
    uncertainty = np.maximum(patch(30, 30, 0.8), patch(90, 90, 1.0))
    uncertainty = np.maximum(uncertainty, patch(33, 33, 0.75))
    mask = np.zeros((SIDE, SIDE), np.uint8)
    first, second = uncertain_places(uncertainty, mask)
    assert np.hypot(first[0] - 90, first[1] - 90) < 7
    assert np.hypot(second[0] - 30, second[1] - 30) < 10
    assert uncertain_places(uncertainty, mask, count=1) == [first]


def test_what_is_to_be_ignored_is_ignored() -> None:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[80:100, 80:100] = IGNORE
    uncertainty = np.maximum(patch(30, 30, 0.8), patch(90, 90))
    assert [place[0] < 64 for place in uncertain_places(uncertainty, mask)] == [True]


def test_nothing_to_look_at() -> None:
    assert uncertain_places(blurred(0.5), square().astype(np.uint8)) == []


def test_stacks_name_the_slice() -> None:
    uncertainty = np.zeros((5, SIDE, SIDE), np.float32)
    uncertainty[1], uncertainty[4] = patch(40, 50, 0.9), patch(80, 20)
    found = uncertain_places(uncertainty, np.zeros((5, SIDE, SIDE), np.uint8))
    assert [place[0] for place in found] == [4, 1]
    with pytest.raises(ValueError, match="not of a mask"):
        uncertain_places(uncertainty, np.zeros((SIDE, SIDE), np.uint8))
