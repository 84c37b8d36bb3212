"""What the lungs of a CT measure follows the brush: "at least … mL", and what the checks find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dock_fakes import settle, two_lungs
from qtpy.QtWidgets import QLabel

from napari_unet.core.lung_measures import lung_measures
from napari_unet.core.lung_sides import split_left_right
from napari_unet.core.masks import MaskRule
from napari_unet.core.raster import Modality, Raster

SHAPE, SPACING = (8, 64, 80), (5.0, 3.0, 3.0)


def text(dock, name: str) -> str:
    return dock.findChild(QLabel, name).text()


@pytest.fixture
def ct(dock, viewer, click_segment, qtbot):
    """(pixels, mask layer) of a CT whose lungs go on beyond both of its ends; one of them holds a bulla."""
    prediction = replace(two_lungs(SHAPE, SPACING, row_direction="L"), rule=MaskRule(per_slice=False))
    inside = prediction.mask()
    pixels = np.where(inside, -800, 40).astype(np.int16)
    pixels[2:6, 24:40, 16:28][inside[2:6, 24:40, 16:28]] = -1000
    viewer.add_image(pixels, name="chest", scale=SPACING, units="mm")
    dock.slices.setCurrentText("All slices")
    click_segment().end(prediction)
    qtbot.waitUntil(lambda: dock._job is None)
    settle(qtbot, dock)
    return pixels, viewer.layers[-1]


def in_words(pixels, labels) -> str:
    """The volume as `segment` and its reports say it."""
    raster = Raster(pixels, spacing_mm=SPACING, modality=Modality.CT)
    sides = split_left_right(labels > 0, "L", per_slice=False)
    return lung_measures(sides, raster).volume_in_words()


def test_at_least_is_said_as_in_reports_and_follows_edits_and_undo(dock, ct, qtbot):
    pixels, mask = ct
    said = in_words(pixels, mask.data)
    assert said.startswith("at least ") and f"{said.split(' (')[0]}</td>" in text(dock, "sizes")
    assert "The scan ends within the lungs, at its first and last slice." in text(dock, "sizes")
    ends = np.nonzero(mask.data * np.isin(np.arange(SHAPE[0]), (0, 7))[:, None, None])
    mask.data_setitem(ends, 0)
    settle(qtbot, dock)
    said = in_words(pixels, mask.data)
    assert f";{said.split(' (')[0]}</td>" in text(dock, "sizes") and "at least" not in text(dock, "sizes")
    mask.undo()
    settle(qtbot, dock)
    assert text(dock, "sizes").count("at least") == 3
    mask.brush_size = 30
    mask.paint((0, 32, 40), 1)
    settle(qtbot, dock)
    assert in_words(pixels, mask.data).split(" (")[0] in text(dock, "sizes")


def test_air_in_the_mask_is_looked_for_and_gone_when_it_is_erased(dock, ct, qtbot):
    pixels, mask = ct
    assert "hold air without tissue" in text(dock, "check_results")
    mask.data_setitem(np.nonzero((pixels == -1000) & (mask.data > 0)), 0)
    settle(qtbot, dock)
    assert "air" not in text(dock, "check_results")
    mask.undo()
    settle(qtbot, dock)
    assert "hold air without tissue" in text(dock, "check_results")


def test_an_image_that_was_replaced_by_another_shape_measures_nothing(dock, viewer, ct, qtbot):
    _, mask = ct
    viewer.layers["chest"].data = np.zeros((4, 64, 80), np.int16)
    mask.data_setitem((np.array([0]), np.array([0]), np.array([0])), 1)
    settle(qtbot, dock)
    assert "at least" not in text(dock, "sizes") and "mL" in text(dock, "sizes")
