"""The coarse grid and the walk on it, against plain sums and a dense solver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.grid import Grid, random_walk


@given(st.integers(1, 60), st.integers(1, 60), st.integers(2, 16))
def test_the_grid_is_small_and_goes_around_with_smooth_images(height: int, width: int, nodes: int) -> None:
    grid = Grid((height, width), nodes)
    ramp = np.add.outer(np.arange(height, dtype=float), 2 * np.arange(width, dtype=float))
    coarse = grid.mean(ramp)
    assert max(coarse.shape) <= nodes
    large = grid.enlarge(coarse)
    assert large.shape == ramp.shape
    inner = tuple(slice(grid.step, -grid.step) for _ in range(2))
    whole = ramp[: height // grid.step * grid.step, : width // grid.step * grid.step]
    np.testing.assert_allclose(
        large[: whole.shape[0], : whole.shape[1]][inner], whole[inner], rtol=1e-4, atol=1e-3
    )


def test_each_node_is_the_mean_of_its_block() -> None:
    values = np.random.default_rng(0).random((8, 12))
    np.testing.assert_allclose(
        Grid((8, 12), 3).mean(values), values.reshape(2, 4, 3, 4).mean(axis=(1, 3)), rtol=1e-5
    )


def test_a_part_is_enlarged_as_the_whole_is() -> None:
    grid, values = Grid((50, 41), 8), np.random.default_rng(0).random((8, 6))
    part = (slice(11, 30), slice(0, 41))
    np.testing.assert_allclose(grid.enlarge(values, part), grid.enlarge(values)[part], rtol=1e-5)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(0, 99))
def test_nodes_are_the_blocks_that_a_mask_touches(height: int, width: int, nodes: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.05
    grid = Grid(mask.shape, nodes)
    padded = np.pad(mask, [(0, -size % grid.step) for size in mask.shape])
    rows, columns = (size // grid.step for size in padded.shape)
    blocks = padded.reshape(rows, grid.step, columns, grid.step).any(axis=(1, 3))
    assert np.array_equal(grid.nodes(mask), blocks)


def test_a_constant_stays_a_constant_at_any_size() -> None:
    for shape in ((1, 1), (1, 7), (33, 5)):
        grid = Grid(shape, 4)
        np.testing.assert_allclose(grid.enlarge(grid.mean(np.full(shape, 3.0))), 3.0, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 2))
def test_the_walk_solves_its_equations(seed: int, trust: float) -> None:
    rng = np.random.default_rng(seed)
    shape = (5, 6)
    one, free = rng.random(shape) < 0.2, rng.random(shape) < 0.6
    free &= ~one
    feature, prior = rng.random(shape), rng.random(shape)
    if trust < 1e-3 and not (~free).any():
        return
    value = random_walk(one, free, [feature], prior, trust)
    assert np.array_equal(value[~free], one[~free].astype(float))
    assert value.min() >= -1e-9 and value.max() <= 1 + 1e-9
    for y, x in zip(*np.nonzero(free), strict=True):
        near = [(y + a, x + b) for a, b in ((0, 1), (1, 0), (0, -1), (-1, 0))]
        near = [(a, b) for a, b in near if 0 <= a < shape[0] and 0 <= b < shape[1]]
        weights = [np.exp(-4 * (feature[y, x] - feature[at]) ** 2) + 1e-3 for at in near]
        total = sum(w * value[at] for w, at in zip(weights, near, strict=True)) + trust * prior[y, x]
        assert value[y, x] * (sum(weights) + trust) == pytest.approx(total, abs=1e-9)


def test_halfway_between_two_ends_the_chances_are_even() -> None:
    one = np.zeros((1, 7), bool)
    one[0, 0] = True
    free = np.ones((1, 7), bool)
    free[0, [0, -1]] = False
    value = random_walk(one, free, [], np.zeros((1, 7)), 0)
    np.testing.assert_allclose(value[0], np.linspace(1, 0, 7))
