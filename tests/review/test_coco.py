"""COCO's run lengths and polygons, against pycocotools."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as npst
from scipy import ndimage

from napari_unet.review.exporting.coco import bounds, polygons, run_lengths

coco = pytest.importorskip("pycocotools.mask")

masks = npst.arrays(bool, npst.array_shapes(min_dims=2, max_dims=2, max_side=24))


def drawn(parts: list[list[int]], shape: tuple[int, ...]) -> np.ndarray:
    """What pycocotools fills; it takes a single part of four numbers for a box, but no polygon has so few."""
    if not parts:
        return np.zeros(shape, bool)
    return np.asarray(coco.decode(coco.merge(coco.frPyObjects(parts, *shape))), bool)


def lungs(seed: int, shape: tuple[int, int]) -> np.ndarray:
    """A smooth mask with a few parts and holes."""
    noise = np.random.default_rng(seed).random(shape)
    return np.asarray(ndimage.gaussian_filter(noise, 5) > 0.5)


@given(masks)
def test_run_lengths_are_those_of_pycocotools(mask: np.ndarray) -> None:
    ours: dict[str, Any] = run_lengths(mask)
    theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert ours == {"size": theirs["size"], "counts": theirs["counts"].decode()}
    assert np.array_equal(coco.decode(ours), mask)


@given(masks)
@settings(deadline=None)
def test_polygons_fill_the_very_same_pixels(mask: np.ndarray) -> None:
    assert np.array_equal(drawn(polygons(mask), mask.shape), mask)


@pytest.mark.parametrize("seed", range(4))
def test_long_runs_and_large_polygons(seed: int) -> None:
    mask = lungs(seed, (300, 517))
    assert np.array_equal(coco.decode(run_lengths(mask)), mask)
    assert np.array_equal(drawn(polygons(mask), mask.shape), mask)


def test_a_hole_is_reached_by_a_cut() -> None:
    mask = np.ones((6, 6), bool)
    mask[2:4, 2:4] = False
    (ring,) = polygons(mask)
    assert len(ring) // 2 == 4 + 5 + 1, "four outer corners, the hole and back, the way back"
    assert np.array_equal(drawn([ring], mask.shape), mask)


def test_corners_lie_between_pixels() -> None:
    mask = np.zeros((4, 5), bool)
    mask[1:3, 2:5] = True
    (ring,) = polygons(mask)
    assert set(zip(ring[::2], ring[1::2], strict=True)) == {(2, 1), (5, 1), (5, 3), (2, 3)}
    assert bounds(mask) == [2, 1, 3, 2] == coco.toBbox(run_lengths(mask)).tolist()


def test_nothing_is_nothing() -> None:
    empty = np.zeros((3, 4), bool)
    assert polygons(empty) == []
    assert bounds(empty) == [0, 0, 0, 0]
    assert not coco.decode(run_lengths(empty)).any()
