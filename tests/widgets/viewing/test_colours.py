"""Mask colours stay apart for colour-blind eyes, from each other and from every grey."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from napari_unet.widgets.common.colours import LUNGS, RIGHT_LEFT, SPARE, mask_colormap

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
EYES = {
    "usual": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour: str, eye: str) -> np.ndarray:
    from skimage.color import rgb2lab

    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(EYES[eye]) @ linear, 0, 1)
    return rgb2lab(np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("eye", EYES)
def test_right_and_left_lung_are_told_apart(eye):
    right, left = (lab(entry.colour, eye) for entry in RIGHT_LEFT)
    assert np.linalg.norm(right - left) > 40


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("colour", [entry.colour for entry in (*LUNGS, *RIGHT_LEFT)])
def test_lungs_are_told_from_any_grey(eye, colour):
    _, a, b = lab(colour, eye)
    assert np.hypot(a, b) > 10


def test_all_colours_differ():
    used = [*(entry.colour for entry in RIGHT_LEFT), *SPARE]
    assert all(one != other for one, other in combinations(used, 2))


def test_the_colormap_shows_named_spare_and_unforeseen_values():
    colormap = mask_colormap(RIGHT_LEFT)
    seen = colormap.map(np.array([0, 1, 2, 3, 6, 200], np.uint8))
    assert seen[0, 3] == 0
    assert np.all(seen[1:, 3] == 1)
    for row, colour in zip(seen[1:4], [*(entry.colour for entry in RIGHT_LEFT), SPARE[0]], strict=True):
        assert np.allclose(row[:3], [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)], atol=1e-3)
    assert np.allclose(seen[4], seen[5]), "the last spare colour serves for the rest"


def test_legends_name_the_patients_sides():
    assert [(entry.value, entry.name) for entry in RIGHT_LEFT] == [(1, "right lung"), (2, "left lung")]
    assert [(entry.value, entry.name) for entry in LUNGS] == [(1, "lungs")]
