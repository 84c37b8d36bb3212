"""Maps at another size: the laws, against torch, which the networks' own resampling is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from napari_unet.core.resize import resized, shrunk

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


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(SIDES, SIDES),
    st.tuples(SIDES, SIDES),
    st.sampled_from(["u1", "i2", ">u2", "i4", "f2", "f8", "?"]),
    st.integers(0, 99),
)
def test_pixels_of_any_kind_shrink_as_in_torch(
    shape: tuple[int, int], size: tuple[int, int], kind: str, seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 200, (1, *shape)).astype(kind)
    smaller = tuple(min(a, b) for a, b in zip(size, shape, strict=True))
    found = shrunk(pixels, size)
    assert found.dtype == np.float32 and found.shape == (1, *smaller)
    np.testing.assert_allclose(found, theirs(pixels.astype(np.float32), smaller), rtol=1e-6, atol=1e-4)


def test_means_of_whole_numbers_are_exact_to_the_last_digit() -> None:
    """As torch has them: what a network sees of an X-ray is the same number, and so is its mask."""
    pixels = np.random.default_rng(0).integers(0, 2**16, (1, 1024, 512), np.uint16)
    size = (256, 128)
    np.testing.assert_array_equal(shrunk(pixels, size), theirs(pixels.astype(np.float32), size))


def test_no_number_in_a_window_makes_its_mean_none() -> None:
    pixels = np.ones((1, 8, 8), np.float32)
    pixels[0, 2, 5] = np.nan
    found = shrunk(pixels, (4, 4))
    assert np.isnan(found[0, 1, 2]) and np.isnan(found).sum() == 1
