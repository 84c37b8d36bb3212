"""Core-sets: no case is far from a chosen one; cases to correct are uncertain, and apart from each other."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from net_fakes import lungs, xray

from napari_unet.core.core_set import THUMBNAIL, k_centre, most_useful, thumbnails

POINTS = st.integers(1, 8).flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.integers(-9, 9)))


def _reach(points: np.ndarray, centres: list[int]) -> float:
    """How far the worst point is from the nearest centre."""
    away = np.linalg.norm(points[:, None] - points[centres][None], axis=2)
    return float(away.min(axis=1).max())


@settings(deadline=None)
@given(POINTS, st.integers(1, 9))
def test_at_most_twice_as_far_as_with_the_best_choice(points: np.ndarray, count: int) -> None:
    """Gonzalez's bound, against trying all."""
    chosen = k_centre(points, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(points))
    best = min(_reach(points, list(some)) for some in combinations(range(len(points)), len(chosen)))
    assert _reach(points, chosen) <= 2 * best + 1e-9


def test_one_of_each_group() -> None:
    points = np.repeat([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], 5, axis=0)
    assert sorted(index // 5 for index in k_centre(points, 3)) == [0, 1, 2]


def test_no_points_and_none_wanted() -> None:
    assert k_centre(np.empty((0, 2)), 3) == [] and k_centre(np.zeros((3, 2)), 0) == []
    with pytest.raises(ValueError, match="points are"):
        k_centre(np.zeros(3), 1)


def test_thumbnails_of_images_and_masks() -> None:
    mask = lungs(40, 50)
    images = np.stack([xray(mask), np.zeros((40, 50), np.float32)])
    found = thumbnails(images, np.stack([mask, mask]).astype(np.float32))
    assert found.shape == (2, 2 * THUMBNAIL**2)
    assert found[1, : THUMBNAIL**2].max() == 0 and found[1, THUMBNAIL**2 :].max() == pytest.approx(1)
    assert found[0].min() >= 0 and found[0, : THUMBNAIL**2].max() > 0.7


def directions(*degrees: float) -> np.ndarray:
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def order(*arguments, **options) -> list[int]:
    return [pick.index for pick in most_useful(*arguments, **options)]


EQUAL = np.full(5, 0.5)


def test_without_uncertainty_it_is_the_greedy_k_centre() -> None:
    """From one known direction: the farthest, then the farthest from both, ..."""
    features = directions(10, 170, 80, 165, 50)
    picks = most_useful(features, np.arange(5.0), directions(0), weight=0)
    assert [pick.index for pick in picks] == [1, 2, 4, 0, 3]
    for place, pick in enumerate(picks):  # each is the farthest of those that are left
        before = [*directions(0), *(features[other.index] for other in picks[:place])]
        away = [min(np.linalg.norm(features[k] - one) for one in before) for k in range(5)]
        left = set(range(5)) - {other.index for other in picks[:place]}
        assert away[pick.index] == pytest.approx(max(away[k] for k in left), abs=1e-6)


def test_with_all_weight_on_uncertainty_it_is_the_order_of_uncertainty() -> None:
    uncertainty = np.array([0.1, 0.5, np.nan, 0.4, 0.0])
    assert order(directions(0, 1, 2, 3, 4), uncertainty, weight=1) == [1, 3, 2, 0, 4]


def test_uncertainty_and_distance_both_count() -> None:
    features = directions(0, 1, 90)  # two that are alike, one that is not
    assert order(features, np.array([0.9, 0.8, 0.5])) == [0, 2, 1]


def test_what_is_known_already_comes_last() -> None:
    assert order(directions(0, 60), np.array([0.9, 0.1]), directions(0, 90))[-1] == 0


def test_a_pick_tells_how_far_it_is_from_what() -> None:
    first, second, third = most_useful(directions(0, 90, 1), np.array([0.9, 0.5, 0.1]))
    assert np.isnan(first.distance) and first.nearest == -1
    assert (second.index, second.nearest) == (1, 0) and second.distance > 0.9
    assert (third.index, third.nearest) == (2, 0) and third.distance < 0.1
    (pick,) = most_useful(directions(0), np.array([0.5]), directions(90, 10))
    assert pick.nearest == 1 + 1  # the second of the known


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 20), st.integers(0, 4), st.integers(1, 25), st.integers(0, 99))
def test_each_comes_once(count: int, known: int, first: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = directions(*rng.integers(0, 4, count) * 30.0) if count else np.empty((0, 2))
    found = order(features, rng.random(count), directions(*rng.random(known) * 90), first=first)
    assert sorted(found) == list(range(count))


def test_many_cases_take_little_time_and_the_first_do_not_depend_on_how_many_are_chosen() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2000, 64))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    uncertainty = rng.random(2000)
    assert order(features, uncertainty, first=8)[:8] == order(features, uncertainty, first=40)[:8]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        most_useful(directions(0, 1), np.zeros(3))
    with pytest.raises(ValueError, match="cannot be compared"):
        most_useful(directions(0), np.zeros(1), np.zeros((1, 3)))
