"""Segment on a series that is still being read: it waits for the whole, and says so."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_files import save_series
from dock_fakes import settle, two_lungs
from qtpy.QtWidgets import QLabel

from napari_unet.core.source import Source
from napari_unet.io.arriving import ArrivingSeries
from napari_unet.io.layer_data import image_layer
from napari_unet.widgets.viewing.arriving import read_while_shown


@pytest.fixture
def waiting(dock, viewer, tmp_path):
    """A layer whose series nobody reads yet, and the click on Segment; returns (layer, series)."""
    volume = np.arange(5 * 16 * 16, dtype=np.int16).reshape(5, 16, 16) - 900
    series = ArrivingSeries(Source.of(save_series(tmp_path / "thorax", volume)))
    _, options, _ = image_layer(series.preview, "thorax")
    layer = viewer.add_image(series, **options)
    dock.slices.setCurrentText("All slices")
    dock.run.click()
    return layer, series


def status(dock) -> str:
    return dock.findChild(QLabel, "status").text()


def finish(series) -> np.ndarray:
    for _ in series.steps(lambda: 0):
        pass
    return series.result().pixels


def test_it_waits_and_then_sends_all_of_it(dock, viewer, engine, waiting, qtbot):
    layer, series = waiting
    qtbot.wait(150)
    assert status(dock) == "Waiting until the series is read…" and not engine.jobs
    assert not dock.run.isEnabled() and dock.cancel.isEnabled()
    whole = finish(series)
    qtbot.waitUntil(lambda: bool(engine.jobs))
    assert np.array_equal(engine.jobs[0].arguments["raster"].pixels, whole)
    layer.data = whole  # as its reader does, at some time
    engine.jobs[0].end(two_lungs(whole.shape))
    qtbot.waitUntil(lambda: dock._job is None)
    settle(qtbot, dock)
    assert viewer.layers[-1].data.shape == whole.shape


def test_it_can_be_cancelled_while_it_waits(dock, engine, waiting, qtbot):
    dock.cancel.click()
    qtbot.waitUntil(lambda: dock._job is None)
    assert status(dock) == "Cancelled." and not engine.jobs and dock.run.isEnabled()
    waiting[1].give_up()


def test_a_series_that_cannot_be_read_is_not_segmented(dock, engine, waiting, told, qtbot):
    waiting[1].give_up()
    qtbot.waitUntil(lambda: dock._job is None)
    assert "closed before all of it was read" in told[0] and not engine.jobs


def test_an_image_that_was_replaced_meanwhile_is_not_segmented(dock, engine, waiting, qtbot):
    layer, series = waiting
    layer.data = np.zeros((5, 16, 16), np.int16)
    finish(series)
    qtbot.waitUntil(lambda: dock._job is None)
    assert "replaced in the meantime" in status(dock) and not engine.jobs


def test_two_clicks_are_one_wait(dock, engine, waiting, qtbot):
    dock._on_segment()
    finish(waiting[1])
    qtbot.waitUntil(lambda: bool(engine.jobs))
    qtbot.wait(50)
    assert len(engine.jobs) == 1
    engine.jobs[0].end(two_lungs((5, 16, 16)))
    qtbot.waitUntil(lambda: dock._job is None)
    settle(qtbot, dock)


def test_it_works_beside_the_reading(dock, viewer, engine, tmp_path, qtbot):
    volume = np.arange(5 * 16 * 16, dtype=np.int16).reshape(5, 16, 16) - 900
    series = ArrivingSeries(Source.of(save_series(tmp_path / "thorax", volume)))
    _, options, _ = image_layer(series.preview, "thorax")
    read_while_shown(viewer, series)
    layer = viewer.add_image(series, **options)
    dock.slices.setCurrentText("This slice")
    dock.run.click()
    qtbot.waitUntil(lambda: bool(engine.jobs) and isinstance(layer.data, np.ndarray))
    engine.jobs[0].end(two_lungs((16, 16)))
    qtbot.waitUntil(lambda: dock._job is None)
    settle(qtbot, dock)
    assert len(viewer.layers) == 2
