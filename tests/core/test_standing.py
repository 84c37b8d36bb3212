"""Slices are turned by their affine before a network tells right from left, and back again."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from napari_unet.core.errors import UserError
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.standing import Turn, turn_to_stand

PIXELS = np.arange(3 * 4 * 5).reshape(3, 4, 5)


def _affine(*ways: str) -> np.ndarray:
    """Of axes (Z, Y, X) that lead so, in mm towards superior, posterior and left."""
    columns = {
        "S": (1, 0, 0),
        "I": (-1, 0, 0),
        "P": (0, 1, 0),
        "A": (0, -1, 0),
        "L": (0, 0, 1),
        "R": (0, 0, -1),
    }
    affine = np.eye(4)
    affine[:3, :3] = np.stack([columns[way] for way in ways], axis=1)
    return affine


@pytest.mark.parametrize(("across", "down", "along"), list(product("SI", "PA", "LR")))
def test_the_affine_alone_says_how_slices_are_turned(across: str, down: str, along: str) -> None:
    raster = Raster(PIXELS, affine=_affine(across, down, along), row_direction=along)
    turn = turn_to_stand(raster)
    assert turn == Turn(down == "A", along == "R")
    standing = PIXELS[:, :: -1 if down == "A" else 1, :: -1 if along == "R" else 1]
    np.testing.assert_array_equal(turn.raster(raster).pixels, standing)
    assert turn.raster(raster).row_direction == "L" and bool(turn) == (turn != Turn(False, False))


def test_an_affine_that_is_a_little_oblique_still_says_it() -> None:
    affine = _affine("S", "A", "R")
    tilt = np.radians(20)
    turned = np.eye(4)
    turned[:2, :2] = [[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]
    assert turn_to_stand(Raster(PIXELS, affine=turned @ affine)) == Turn(True, True)


@pytest.mark.parametrize(("said", "turned"), [("L", False), ("R", True), (None, False)])
def test_without_an_affine_the_row_direction_says_which_side_is_which(said: str | None, turned: bool) -> None:
    for pixels in (PIXELS, PIXELS[0]):
        assert turn_to_stand(Raster(pixels, row_direction=said)) == Turn(False, turned)


@pytest.mark.parametrize(
    ("ways", "words"),
    [("PSL", "coronal"), ("ASL", "coronal"), ("LSP", "sagittal"), ("RIA", "sagittal"), ("SLP", "left–right")],
)
def test_slices_in_other_planes_are_refused(ways: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        turn_to_stand(Raster(PIXELS, affine=_affine(*ways)))


@pytest.mark.parametrize("turn", [Turn(True, False), Turn(False, True), Turn(True, True)])
def test_maps_and_the_boxes_they_cover_are_turned_back(turn: Turn) -> None:
    raster = Raster(np.zeros((2, 8, 10)), affine=_affine("S", "A" if turn.rows else "P", "R"))
    maps = np.zeros((1, 2, 4, 4), np.float32)
    maps[0, :, :2, :1] = 1
    box = (slice(1, 5), slice(2, 10))
    found = Prediction(maps, shape=(2, 8, 10), boxes=(box, box), row_direction="L")
    back = turn.prediction(found, raster)
    assert back.row_direction is raster.row_direction
    np.testing.assert_array_equal(back.mask(), turn.pixels(found.mask()))
    assert back.mask().any()
