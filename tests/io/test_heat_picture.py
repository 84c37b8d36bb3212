"""The picture of a heat map: raw cells on one scale, and what is said under it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_unet.core.finding_reading import FindingReading
from napari_unet.core.lung_thirds import lung_thirds
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.io.heat_picture import heat_picture, write_heat_picture


@pytest.fixture
def raster() -> Raster:
    """Grey, with a gradient that says which way is down."""
    return Raster(np.tile(np.linspace(60, 160, 512, dtype=np.float32)[:, None], (1, 600)))


@pytest.fixture
def prediction(raster: Raster) -> Prediction:
    """One hot cell of 64 pixels, in the frame of rows 64 to 320 and columns 100 to 356."""
    mask = np.zeros(raster.shape, bool)
    mask[80:300, 120:220] = mask[80:300, 260:340] = True
    thirds = lung_thirds(mask)
    assert thirds is not None
    cells = np.zeros((4, 4), np.float32)
    cells[1, 2] = 1
    return Prediction(
        cells.repeat(8, 0).repeat(8, 1)[None],
        shape=raster.shape,
        boxes=((slice(64, 320), slice(100, 356)),),
        task="classification",
        scores={"abnormal": 0.9},
        model="toy",
        version="1",
        reading=FindingReading(thirds, (64, 64), {"abnormal": "left upper"}),
    )


def test_only_the_hot_cell_is_coloured_to_the_pixel(raster: Raster, prediction: Prediction) -> None:
    picture = heat_picture(raster, prediction).astype(int)
    assert picture.shape[1] == 600 and picture.shape[0] > 512  # text under the image, not on it
    red = (picture[..., 0] - picture[..., 2])[:512] > 60
    red[:40] = False  # the letters of the sides
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    assert (rows[0], rows[-1] + 1) == (128, 192)
    assert (columns[0], columns[-1] + 1) == (228, 292)


def test_a_low_score_shows_no_heat(raster: Raster, prediction: Prediction) -> None:
    pale = replace(prediction, scores={"abnormal": 0.14})
    picture = heat_picture(raster, pale).astype(int)
    inside = picture[160:190, 265:290]  # of the cell, away from the outline of the lung and the lines
    assert np.ptp(inside, axis=2).max() <= 1


def test_the_colour_is_the_same_for_the_same_heat_in_every_image(
    raster: Raster, prediction: Prediction
) -> None:
    def colour(score: float) -> list[int]:
        return heat_picture(raster, replace(prediction, scores={"abnormal": score}))[170, 275].tolist()

    assert colour(0.9) != colour(0.4)
    half = replace(prediction, maps=prediction.maps * np.float32(0.5))
    assert heat_picture(raster, half)[170, 275].tolist() == colour(0.9)  # its hottest cell has the score


def test_large_images_become_small_pictures_and_small_ones_larger(tmp_path: Path) -> None:
    for side, shown in ((3000, 1024), (100, 512)):
        raster = Raster(np.random.default_rng(0).random((side, side)).astype(np.float32))
        maps = np.zeros((1, 8, 8), np.float32)
        found = Prediction(maps, shape=raster.shape, task="classification", scores={"abnormal": 0.1})
        path = write_heat_picture(tmp_path / f"{side}.png", raster, found)
        with Image.open(path) as picture:
            assert picture.size[0] == shown < picture.size[1]
