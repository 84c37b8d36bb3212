from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.intensity import IntensityRule
from napari_unet.core.padding import (
    PaddedSlices,
    box_of_slices,
    filled,
    is_padding,
    padded_pixels,
    set_apart,
    set_apart_slices,
    without_padding,
)

_PIXELS = np.arange(5, 29).reshape(4, 6)
_PADDED = np.zeros((4, 6), bool)
_PADDED[0], _PADDED[:, 5] = True, True


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("lowest", [0, 5])
def test_padding_is_darker_than_the_image_and_told_apart(dtype, inverted, lowest):
    pixels = (_PIXELS - _PIXELS[~_PADDED].min() + lowest).astype(dtype)
    apart, padding = set_apart(pixels, _PADDED, inverted)
    np.testing.assert_array_equal(apart[~_PADDED], pixels[~_PADDED])
    np.testing.assert_array_equal(padded_pixels(apart, padding), _PADDED)
    outside = apart[_PADDED]
    assert (outside > apart[~_PADDED].max()).all() if inverted else (outside < apart[~_PADDED].min()).all()


def test_no_padding_and_nothing_but_padding_change_nothing():
    for padded in (None, np.ones((4, 6), bool)):
        assert set_apart(_PIXELS, padded, False) == (_PIXELS, None) or padded is not None
        np.testing.assert_array_equal(set_apart(_PIXELS, padded, False)[0], _PIXELS)
        np.testing.assert_array_equal(filled(_PIXELS, padded, False), _PIXELS)


def test_padding_that_is_no_number():
    pixels = np.where(_PADDED, np.nan, 3.0)
    np.testing.assert_array_equal(padded_pixels(pixels, (np.nan, np.nan)), _PADDED)
    assert padded_pixels(pixels, (7.0, 9.0)) is None and padded_pixels(pixels, None) is None


def test_the_border_goes_and_padding_inside_is_no_number():
    padded = _PADDED.copy()
    padded[2, 2] = True
    pixels = np.where(padded, -7, _PIXELS)
    inside, box = without_padding(pixels, (-7, -7))
    assert box == (slice(1, 4), slice(0, 5)) and inside.shape == (3, 5)
    assert np.isnan(inside[1, 2]) and np.count_nonzero(np.isnan(inside)) == 1
    border, _ = without_padding(np.where(_PADDED, -7, _PIXELS), (-7, -7))
    np.testing.assert_array_equal(border, _PIXELS[1:, :5])
    assert border.dtype == _PIXELS.dtype


def test_the_grey_values_of_a_network_know_no_padding():
    rule = IntensityRule("percentiles", 1, 99)
    image = np.linspace(100, 900, 400, dtype=np.float32).reshape(20, 20)
    for inverted in (False, True):
        with_holes = np.vstack([np.full((3, 20), np.nan, np.float32), image])
        seen = rule.apply(with_holes, inverted)
        np.testing.assert_array_equal(seen[3:], rule.apply(image, inverted))
        assert not seen[:3].any()
    assert not rule.apply(np.full((3, 3), np.nan)).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_volume_is_set_apart_slice_by_slice_as_a_whole(dtype, inverted):
    volume = np.random.default_rng(3).integers(0, 200, (4, 5, 7)).astype(dtype)
    padded = np.random.default_rng(4).random(volume.shape) < 0.3
    padded[1], padded[2] = True, False
    padding = PaddedSlices((5, 7))
    for z, one in enumerate(padded):
        padding.put(z, one)
        np.testing.assert_array_equal(padding.at(z) if one.any() else one, one)
    assert padding.at(2) is None
    expected, limits = set_apart(volume, padded, inverted)
    found, same_limits = set_apart_slices(volume, padding, inverted)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype and same_limits == limits


def test_a_volume_of_nothing_but_padding_stays():
    padding = PaddedSlices((2, 2))
    assert set_apart_slices(np.zeros((1, 2, 2)), padding, False)[1] is None
    padding.put(0, np.ones((2, 2), bool))
    assert set_apart_slices(np.zeros((1, 2, 2)), padding, False)[1] is None


def test_all_slices_of_a_volume_lose_the_same_border():
    volume = np.full((4, 6, 7), -7)
    volume[0, 2:4, 1:3], volume[2, 3:5, 2:6] = 1, 2  # slices 1 and 3 are missing
    box = box_of_slices(volume, (-7, -7))
    assert box == (slice(2, 5), slice(1, 6))
    assert [is_padding(plane, (-7, -7)) for plane in volume] == [False, True, False, True]
    everything = (slice(0, 6), slice(0, 7))
    for pixels, padding in ((volume, None), (np.full((4, 6, 7), -7), (-7, -7)), (volume * 0, (-7, -7))):
        assert box_of_slices(pixels, padding) == everything
