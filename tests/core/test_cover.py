from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from net_fakes import lungs, xray

from napari_unet.core.cover import THUMBNAIL, k_centre, thumbnails

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
