"""The smart brush stays in its disc, stops at edges, and is a plain brush where all pixels are alike."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.brush import seed_at, smart_disc
from napari_unet.core.change import Change
from napari_unet.core.labels import IGNORE

SHAPE = (40, 50)
CENTRES = st.tuples(st.floats(-5, 45), st.floats(-5, 55))


def painted(change: Change) -> np.ndarray:
    mask = np.zeros(change.shape, bool)
    mask[change.indices()] = True
    return mask


def disc(centre: tuple[float, float], radius: float, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2)


def two_halves() -> np.ndarray:
    image = np.zeros(SHAPE, np.float32)
    image[:, 25:] = 100
    return image


@given(CENTRES, st.floats(0.5, 20))
def test_on_a_flat_image_it_is_a_plain_brush(centre, radius) -> None:
    empty = np.zeros(SHAPE, np.uint8)
    change = smart_disc(np.full(SHAPE, 7.0), None, empty, centre, radius, 1)
    assert np.array_equal(painted(change), disc(centre, radius))


@settings(deadline=None)
@given(CENTRES, st.floats(0.5, 20), st.floats(0, 1), st.sampled_from([0, 1, 2, IGNORE]), st.integers(0, 999))
def test_it_paints_only_within_its_disc_and_nothing_that_is_ignored(
    centre, radius, tolerance, label, seed
) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([0, 1, 2, IGNORE], np.uint8), SHAPE)
    image, probability = rng.random(SHAPE), rng.random(SHAPE)
    change = smart_disc(image, probability, labels, centre, radius, label, tolerance)
    where = painted(change)
    assert not (where & ~disc(centre, radius)).any()
    assert (labels[where] != IGNORE).all() and (labels[where] != label).all()
    assert (change.values == label).all()


def test_the_model_says_lung_from_its_own_threshold_on() -> None:
    image, empty = two_halves(), np.zeros(SHAPE, np.uint8)
    probability = np.full(SHAPE, 0.4, np.float32)
    for threshold, reaches in ((0.5, False), (0.3, True)):
        change = smart_disc(image, probability, empty, (20, 18), 15, 1, threshold=threshold)
        assert painted(change)[:, 27:].any() == reaches
    full = np.ones(SHAPE, np.uint8)
    for threshold, reaches in ((0.5, True), (0.3, False)):  # erasing
        change = smart_disc(image, probability, full, (20, 18), 15, 0, threshold=threshold)
        assert painted(change)[:, 27:].any() == reaches


def test_it_stops_at_an_edge_in_the_image() -> None:
    change = smart_disc(two_halves(), None, np.zeros(SHAPE, np.uint8), (20, 18), 15, 1)
    columns = np.nonzero(painted(change).any(axis=0))[0]
    assert 22 <= columns.max() <= 25
    assert np.array_equal(painted(change)[:, :22], disc((20, 18), 15)[:, :22])


def test_a_higher_tolerance_never_paints_less_and_the_highest_paints_the_disc() -> None:
    image = np.random.default_rng(1).random(SHAPE)
    empty = np.zeros(SHAPE, np.uint8)
    masks = [painted(smart_disc(image, None, empty, (20, 20), 12, 1, t)) for t in (0.1, 0.3, 0.5, 1.0)]
    assert all(not (low & ~high).any() for low, high in pairwise(masks))
    assert np.array_equal(masks[-1], disc((20, 20), 12))


def test_brightness_and_contrast_of_the_image_do_not_matter() -> None:
    image = np.random.default_rng(2).random(SHAPE)
    empty = np.zeros(SHAPE, np.uint8)
    one = smart_disc(image, None, empty, (20, 20), 12, 1)
    other = smart_disc(image * 1024 - 300, None, empty, (20, 20), 12, 1)
    assert np.array_equal(one.flat, other.flat)


def test_a_stroke_goes_on_with_the_intensity_it_began_with() -> None:
    image, empty = two_halves(), np.zeros(SHAPE, np.uint8)
    seed = seed_at(image, (20, 10))
    beyond = smart_disc(image, None, empty, (20, 35), 5, 1, seed_value=seed)
    assert not len(beyond)
    across = painted(smart_disc(image, None, empty, (20, 27), 6, 1, seed_value=seed))
    assert across.any() and not across[:, 26:].any()


def test_what_the_model_says_too_is_painted_in_spite_of_an_edge() -> None:
    probability = np.zeros(SHAPE)
    probability[:, 15:30] = 0.9
    empty = np.zeros(SHAPE, np.uint8)
    where = painted(smart_disc(two_halves(), probability, empty, (20, 18), 15, 1))
    assert where[20, 29] and not where[:, 30:].any()


def test_what_the_model_denies_is_erased_in_spite_of_an_edge() -> None:
    probability = np.ones(SHAPE)
    probability[:, 15:30] = 0.1
    where = painted(smart_disc(two_halves(), probability, np.ones(SHAPE, np.uint8), (20, 18), 15, 0))
    assert where[20, 10] and where[20, 29] and not where[:, 30:].any()


def test_only_what_hangs_together_is_painted_and_specks_in_it_are_closed() -> None:
    image = np.zeros(SHAPE)
    image[:, 20:25] = 100  # a wall
    image[20, 12] = 100  # a speck
    where = painted(smart_disc(image, None, np.zeros(SHAPE, np.uint8), (20, 14), 15, 1))
    assert where[20, 12] and not where[:, 25:].any()


@pytest.mark.parametrize("centre", [(-100.0, 20.0), (20.0, 500.0)])
def test_far_outside_the_image_nothing_is_painted(centre) -> None:
    assert not len(smart_disc(two_halves(), None, np.zeros(SHAPE, np.uint8), centre, 10, 1))
