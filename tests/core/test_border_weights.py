"""The weight map of the U-Net's paper against its formula, pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from napari_unet.core.border_weights import BorderWeights, between_objects
from napari_unet.core.partition import objects_of

MASKS = npst.arrays(bool, npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


def by_the_formula(objects: np.ndarray, w0: float, sigma: float) -> np.ndarray:
    """w0 · exp(-(d1 + d2)² / 2 sigma²): from each pixel to every pixel of every object."""
    found = np.zeros(objects.shape)
    places = [np.argwhere(objects == number) for number in np.unique(objects[objects > 0])]
    if len(places) < 2:
        return found
    for at in np.argwhere(objects == 0):
        one, two = sorted(np.sqrt(((points - at) ** 2).sum(axis=1)).min() for points in places)[:2]
        found[tuple(at)] = w0 * math.exp(-((one + two) ** 2) / (2 * sigma**2))
    return found


@settings(max_examples=60, deadline=None)
@given(mask=MASKS, w0=st.floats(0.1, 20), sigma=st.floats(0.3, 8))
def test_it_is_equation_2(mask: np.ndarray, w0: float, sigma: float) -> None:
    objects = objects_of(mask)
    found = between_objects(objects, BorderWeights(w0, sigma))
    np.testing.assert_allclose(found, by_the_formula(objects, w0, sigma), rtol=1e-9, atol=3e-8 * w0)


def test_a_gap_of_one_pixel_weighs_most() -> None:
    objects = np.repeat([[1, 1, 0, 2, 2, 0, 0, 0, 3]], 3, axis=0)
    found = between_objects(objects, BorderWeights())
    assert found[1, 2] == pytest.approx(10 * math.exp(-4 / 50))  # one pixel from each
    assert found[1, 5] == pytest.approx(10 * math.exp(-16 / 50))  # 1 from the second, 3 from the third
    assert found[1, 6] == found[1].min(where=objects[1] == 0, initial=99)
    assert not found[objects > 0].any()


def test_nothing_lies_between_fewer_than_two_objects() -> None:
    for mask in (np.zeros((5, 5), bool), np.ones((5, 5), bool), np.eye(7, dtype=bool)[:1]):
        assert not between_objects(objects_of(mask), BorderWeights()).any()


@pytest.mark.parametrize("arguments", [{"w0": 0}, {"sigma": -1}, {"sigma": math.inf}])
def test_what_is_not_positive_is_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        BorderWeights(**arguments)
