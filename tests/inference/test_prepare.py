from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.masks import MaskRule
from napari_unet.core.raster import Raster
from napari_unet.inference.prepare import common_box, field_at_size, field_of, network_input, resized


def _ramp(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.float32) + 0.5


@pytest.mark.parametrize("size", [(64, 64), (7, 90), (200, 3), (32, 48), (1, 1)])
def test_a_constant_stays_constant(size: tuple[int, int]) -> None:
    out = resized(np.full((32, 48), 7.0, np.float32), size)
    assert out.shape == (1, 1, *size)
    assert torch.allclose(out, torch.tensor(7.0))


@pytest.mark.parametrize("n", [32, 33, 64, 250, 257, 1000])
def test_a_ramp_keeps_its_place(n: int) -> None:
    """Centres are aligned: a coordinate stays the same share of the image; within half an input pixel."""
    m = 64
    for image, axis in ((np.tile(_ramp(n), (8, 1)), -1), (np.tile(_ramp(n), (8, 1)).T, -2)):
        size = (8, m) if axis == -1 else (m, 8)
        out = resized(np.ascontiguousarray(image), size)[0, 0].numpy()
        line = (out if axis == -1 else out.T)[0]
        expected = _ramp(m) * n / m
        inner = slice(1, -1)  # bilinear enlargement repeats the last pixel
        assert np.abs(line - expected)[inner].max() <= (0.5 if n > m and n % m else 1e-3)
        assert abs(float(line.mean()) - n / 2) < 1e-2  # no shift of the whole


def test_whole_factors_are_exact_means() -> None:
    image = np.random.default_rng(0).random((48, 64), dtype=np.float32)
    out = resized(image, (16, 16))[0, 0].numpy()
    np.testing.assert_allclose(out, image.reshape(16, 3, 16, 4).mean(axis=(1, 3)), atol=1e-6)


def test_enlargement_is_that_of_scipy() -> None:
    image = np.random.default_rng(0).random((20, 30), dtype=np.float32)
    theirs = ndimage.zoom(image, (3, 2.5), order=1, grid_mode=True, mode="nearest")
    np.testing.assert_allclose(resized(image, theirs.shape)[0, 0].numpy(), theirs, atol=1e-5)


def test_mirroring_and_resizing_commute() -> None:
    image = np.random.default_rng(0).random((100, 77), dtype=np.float32)
    for size in ((64, 64), (100, 200), (30, 301)):
        there = resized(np.ascontiguousarray(image[:, ::-1]), size)
        np.testing.assert_allclose(there.flip(-1), resized(image, size), atol=1e-5)


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", ">u2", ">i4", ">f4", "f2", "f4", "f8", "?"]
)
def test_every_kind_of_number_is_taken(dtype: str) -> None:
    image = (np.arange(12 * 10).reshape(12, 10) % 2).astype(dtype)
    out = resized(image, (12, 10))
    assert out.dtype == torch.float32
    np.testing.assert_array_equal(out[0, 0].numpy(), image.astype(np.float32))


def test_views_and_read_only_arrays_are_taken_and_left_alone() -> None:
    image = np.arange(24, dtype=np.uint16).reshape(4, 6)
    image.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(resized(image, (4, 6))[0, 0].numpy(), image)
        np.testing.assert_array_equal(resized(image[::-1, ::2], (4, 3))[0, 0].numpy(), image[::-1, ::2])


def test_maps_keep_their_channels() -> None:
    maps = torch.rand(3, 16, 16)
    assert resized(maps, (40, 10)).shape == (1, 3, 40, 10)
    assert torch.equal(resized(maps, (16, 16))[0], maps)


def test_very_long_images() -> None:
    image = np.tile(_ramp(10_000), (32, 1))
    out = resized(image, (64, 64))[0, 0].numpy()
    assert np.abs(out[0] - _ramp(64) * 10_000 / 64).max() <= 0.5


def test_a_volume_is_resized_along_all_of_its_axes() -> None:
    volume = np.random.default_rng(0).random((6, 12, 10), dtype=np.float32)
    means = volume.reshape(3, 2, 6, 2, 5, 2).mean(axis=(1, 3, 5))
    np.testing.assert_allclose(resized(volume, (3, 6, 5))[0, 0].numpy(), means, atol=1e-6)
    theirs = ndimage.zoom(volume, (2, 3, 1.5), order=1, grid_mode=True, mode="nearest")
    np.testing.assert_allclose(resized(volume, theirs.shape)[0, 0].numpy(), theirs, atol=1e-5)


def test_neighbours_are_channels_and_each_has_its_own_grey_values() -> None:
    stack = np.random.default_rng(0).random((4, 20, 30)) * np.array([1, 10, 100, 1000]).reshape(4, 1, 1)
    rule, grey = InputRule(size=(10, 10), neighbours=1), IntensityRule("percentiles", 0, 100)
    for z, slices in ((0, (0, 0, 1)), (2, (1, 2, 3)), (3, (2, 3, 3))):
        seen = network_input(field_of(Raster(stack), rule, z)[0], rule, grey)
        alone = [
            network_input(field_of(Raster(stack[k]), InputRule(size=(10, 10)))[0], rule, grey)[0]
            for k in slices
        ]
        assert seen.dtype == np.float32
        np.testing.assert_array_equal(seen, alone)


def test_neighbours_are_cut_as_the_slice_in_the_middle_and_their_padding_is_black() -> None:
    stack = np.random.default_rng(0).integers(100, 200, (3, 8, 9))
    stack[1, :2], stack[2, :, :4] = -5, -5
    raster = Raster(stack, padding=(-5.0, -5.0))
    field, box = field_of(raster, InputRule(neighbours=1), 1)
    assert box == (slice(2, 8), slice(0, 9)) and field.shape == (3, 6, 9)
    np.testing.assert_array_equal(field[:2], stack[:2, 2:])
    assert np.isnan(field[2, :, :4]).all() and not np.isnan(field[2, :, 4:]).any()
    seen = network_input(field, InputRule(neighbours=1), IntensityRule("window", 0, 200))
    assert not seen[2, :, :4].any() and seen[2, :, 4:].all()


def test_a_volume_is_one_field_without_its_border_of_padding() -> None:
    volume = np.full((5, 8, 9), 7)
    volume[0], volume[:, :, 8], volume[2, 3, 3] = -5, -5, -5
    field, box = field_of(Raster(volume, padding=(-5.0, -5.0)), InputRule(axes=3))
    assert box == (slice(1, 5), slice(0, 8), slice(0, 8)) and field.shape == (1, 4, 8, 8)
    assert np.count_nonzero(np.isnan(field)) == 1
    rule = InputRule(spacing_mm=(1, 1, 1), axes=3)
    seen = network_input(field, rule, IntensityRule("window", 0, 14), spacing_mm=(2, 0.5, 1))
    assert seen.shape == (1, 8, 4, 8)


def test_slices_of_a_volume_keep_the_same_rows_and_columns_and_images_their_own() -> None:
    stack = np.full((3, 40, 40), -5, np.int16)
    stack[0, 4:30, 6:], stack[2, 10:34, 12:36] = 7, 8
    raster = Raster(stack, padding=(-5.0, -5.0))
    box = common_box(raster, MaskRule(per_slice=False))
    assert box == (slice(4, 34), slice(6, 40)) and common_box(raster, MaskRule()) is None
    assert common_box(raster.slice(0), MaskRule(per_slice=False)) is None
    rule = InputRule(size=(15, 17), neighbours=1)
    field, cut = field_at_size(raster, rule, 2, box)
    assert field.shape == (3, 15, 17) and cut == box
    assert field_of(raster, rule, 2)[1] == (slice(10, 34), slice(12, 36))
    alone, _ = field_of(raster, InputRule(), 2, box)
    assert alone.shape == (1, 30, 34) and np.isnan(alone[0, 0, 0]) and alone[0, 6, 6] == 8
