"""Maps at another size: the laws, against torch, which the networks' own resampling is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from napari_unet.core.resize import resized

SIDES = st.integers(1, 90)


def theirs(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Area mean where it shrinks, else linear, one after the other, as torch has them."""
    x = torch.from_numpy(maps)[None]
    smaller = tuple(min(a, b) for a, b in zip(size, maps.shape[1:], strict=True))
    x = functional.interpolate(x, smaller, mode="area")
    mode = "bilinear" if len(size) == 2 else "trilinear"
    return functional.interpolate(x, size, mode=mode, align_corners=False)[0].numpy()


@settings(deadline=None, max_examples=150)
@given(st.tuples(st.integers(1, 3), SIDES, SIDES), st.tuples(SIDES, SIDES), st.integers(0, 99))
def test_it_equals_torch(shape: tuple[int, int, int], size: tuple[int, int], seed: int) -> None:
    maps = np.random.default_rng(seed).random(shape, dtype=np.float32)
    found = resized(maps, size)
    assert found.dtype == np.float32 and found.shape == (shape[0], *size)
    np.testing.assert_allclose(found, theirs(maps, size), atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.tuples(*[st.integers(1, 20)] * 3), st.tuples(*[st.integers(1, 20)] * 3), st.integers(0, 99))
def test_volumes_equal_torch(shape: tuple[int, ...], size: tuple[int, ...], seed: int) -> None:
    maps = np.random.default_rng(seed).random((2, *shape), dtype=np.float32)
    np.testing.assert_allclose(resized(maps, size), theirs(maps, size), atol=1e-6)


@pytest.mark.parametrize(
    "grid, size", [((256, 256), (3001, 2048)), ((1000, 31), (33, 1777)), ((2, 3), (1, 999))]
)
def test_it_equals_torch_at_large_sizes(grid: tuple[int, int], size: tuple[int, int]) -> None:
    maps = np.random.default_rng(0).random((2, *grid), dtype=np.float32)
    np.testing.assert_allclose(resized(maps, size), theirs(maps, size), atol=1e-6)


def test_bytes_count_as_0_to_1_and_leading_axes_stay() -> None:
    maps = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 7), np.uint8)
    np.testing.assert_allclose(resized(maps, (5, 7)), maps / 255, atol=1e-7)
    found = resized(maps, (11, 6))
    assert found.shape == (2, 3, 11, 6) and found.min() >= 0 and found.max() <= 1
    np.testing.assert_array_equal(found[1, 2], resized(maps[1, 2], (11, 6)))


def test_what_fits_is_not_copied() -> None:
    maps = np.random.default_rng(0).random((1, 8, 9), dtype=np.float32)
    assert resized(maps, (8, 9)) is maps
