"""One window and one picture of an image, for everything that shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_unet.core.raster import Modality, Raster
from napari_unet.core.window import LUNG_WINDOW, Window, display_pixels, display_window
from napari_unet.io.formats import read_raster

_CASES = Path(__file__).parents[1] / "data" / "cases"
_RAMP = np.tile(np.linspace(100, 4000, 60).astype(np.uint16), (50, 1))
_HU = np.linspace(-1024, 1500, 4000).astype(np.int16).reshape(4, 20, 50)


@pytest.mark.parametrize("outside", [(59950.0, 60049.0), (-900.0, 50.0), (4000.5, 4001.0), (9.0, 9.0)])
def test_a_window_that_holds_no_pixel_is_not_used(outside):
    assert display_window(Raster(_RAMP, window=outside)) == Window(100, 4000)
    assert np.ptp(display_pixels(Raster(_RAMP, window=outside)).astype(int)) == 255


@pytest.mark.parametrize("wide", [(-4e6, 6e6), (0.0, 40_000.0), (-50_000.0, 2_000.0)])
def test_a_window_that_shows_all_in_one_grey_is_not_used(wide):
    assert display_window(Raster(_RAMP, window=wide)) == Window(100, 4000)
    assert display_window(Raster(_RAMP, window=(0.0, 16_000.0))) == Window(0, 16_000)


def test_a_window_for_12_bits_beside_8_bit_pixels_is_not_used():
    grey = np.tile(np.arange(20, 220, dtype=np.uint8), (50, 1))
    assert display_window(Raster(grey, window=(0.0, 4095.0))) == Window(0, 255)


def test_a_window_for_one_pixel_in_many_is_not_used():
    stray = np.full((100, 100), 1000, np.uint16)
    stray[:50], stray[0, 0] = 500, 3000
    assert display_window(Raster(stray, window=(2900.0, 3100.0))) == Window(500, 3000)


def test_a_ct_without_a_window_opens_in_the_lung_window():
    assert display_window(Raster(_HU)) == display_window(Raster(_HU[0], modality=Modality.CT)) == LUNG_WINDOW
    assert display_window(Raster(_HU, window=(-160.0, 240.0))) == Window(-160, 240)
    assert display_window(Raster(_HU[-1], modality=Modality.CT)) != LUNG_WINDOW  # bone alone


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("window", [None, (1000.0, 2000.0)])
def test_padding_is_black_and_no_part_of_the_range(inverted, window):
    pixels = _RAMP.astype(np.int32)
    pixels[:, :9] = 65535
    raster = Raster(pixels, window=window, inverted=inverted, padding=(65535.0, 65535.0))
    shown = display_pixels(raster)
    assert not shown[:, :9].any()
    alone = Raster(_RAMP[:, 9:].astype(np.int32), window=window, inverted=inverted)
    np.testing.assert_array_equal(shown[:, 9:], display_pixels(alone))


def test_what_is_no_number_is_black_and_infinity_is_bright_or_dark():
    pixels = np.array([[0.0, 1.0, np.nan, np.inf, -np.inf]])
    assert display_pixels(Raster(pixels)).tolist() == [[0, 255, 0, 255, 0]]
    assert display_pixels(Raster(pixels, inverted=True)).tolist() == [[255, 0, 0, 0, 255]]


def test_bytes_without_a_window_stay_as_they_are():
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(display_pixels(Raster(pixels)), pixels)


def test_a_part_is_shown_as_in_the_whole():
    shown = display_pixels(Raster(_HU))
    np.testing.assert_array_equal(display_pixels(Raster(_HU), _HU[2, ::3]), shown[2, ::3])


def test_the_two_samples():
    outside = read_raster(_CASES / "window_outside.dcm")
    assert display_window(outside) == Window(float(outside.pixels.min()), float(outside.pixels.max()))
    padded = read_raster(_CASES / "padding_65535.dcm")
    assert display_window(padded).high < 5000
    shown = display_pixels(padded)
    assert not shown[:24].any() and not shown[:, :24].any() and shown[24:232, 24:232].mean() > 50
