from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_unet.core.raster import Raster
from napari_unet.io.overlay import overlay, write_overlay

_GREY = np.tile(np.linspace(0, 4000, 60).astype(np.uint16), (50, 1))
_MASK = np.zeros(_GREY.shape, np.uint8)
_MASK[10:40, 5:25], _MASK[10:40, 35:55] = 1, 2


def _colours(picture):
    return {tuple(int(v) for v in c) for c in np.unique(picture.reshape(-1, 3), axis=0) if len(set(c)) > 1}


def test_lungs_are_outlined_in_two_colours_and_not_filled(tmp_path):
    path = write_overlay(tmp_path / "a_overlay.png", Raster(_GREY), _MASK)
    with Image.open(path) as file:
        assert file.mode == "RGB"
        picture = np.asarray(file)
    assert picture.shape == (*_GREY.shape, 3)
    assert _colours(picture) == {(0xE6, 0x9F, 0x00), (0x56, 0xB4, 0xE9)}
    assert tuple(picture[10, 15]) == (0xE6, 0x9F, 0x00)  # the right lung, orange
    assert tuple(picture[10, 45]) == (0x56, 0xB4, 0xE9)
    assert len(set(picture[25, 15].tolist())) == 1  # inside, the anatomy stays visible


def test_a_plain_mask_has_one_colour_and_an_empty_one_none():
    assert _colours(overlay(Raster(_GREY), _MASK > 0)) == {(0x56, 0xB4, 0xE9)}
    assert _colours(overlay(Raster(_GREY), _MASK > 9)) == set()


def test_window_and_polarity_are_those_of_the_header():
    empty = np.zeros(_GREY.shape, bool)
    windowed = overlay(Raster(_GREY, window=(1000.0, 2000.0)), empty)[0, :, 0]
    assert (windowed[_GREY[0] <= 1000] == 0).all() and (windowed[_GREY[0] >= 2000] == 255).all()
    inverted = overlay(Raster(_GREY, window=(1000.0, 2000.0), inverted=True), empty)[0, :, 0]
    np.testing.assert_array_equal(inverted, 255 - windowed)


@pytest.mark.parametrize("pixels", [np.full((9, 9), 7), np.full((9, 9), np.nan), np.zeros((1, 1))])
def test_odd_images_are_drawn_too(pixels):
    assert overlay(Raster(pixels), np.zeros(pixels.shape, bool)).shape == (*pixels.shape, 3)


def test_a_stack_is_shown_by_its_fullest_slice():
    stack = np.stack([_GREY, _GREY[:, ::-1], _GREY])
    labels = np.stack([_MASK * 0, _MASK, _MASK * 0])
    alone = overlay(Raster(_GREY[:, ::-1]), _MASK)
    np.testing.assert_array_equal(overlay(Raster(stack), labels), alone)


def test_the_line_grows_with_the_image():
    mask = np.zeros((1200, 1200), bool)
    mask[300:900, 300:900] = True
    drawn = (np.ptp(overlay(Raster(np.zeros((1200, 1200))), mask).astype(int), axis=-1) > 0)[600, :600]
    assert 3 <= np.count_nonzero(drawn) <= 9
