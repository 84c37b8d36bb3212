"""A click on a case of the comparison shows its image with two contours; then the canvas is as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from finetune_fakes import SHAPE, lungs, result_of
from napari.layers import Image, Labels
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication
from test_finetune_dock import LEFT, project, started  # noqa: F401

from napari_unet.core.drift import Drift, DriftCase
from napari_unet.training.compared import ComparedCase
from napari_unet.widgets.finetune.contours import NEW, OLD


@pytest.fixture
def compared(dock, started, library, qtbot):  # noqa: F811
    """A training of four cases has come to its end; nothing is on the canvas but what was there before."""

    def make():
        job, ids = started()
        job.end(result_of(job, library))
        qtbot.waitUntil(dock.acceptance.isVisible)
        return job, ids

    return make


def click(dock, qtbot, row):
    """On a row of the table, with the mouse."""
    table = dock.acceptance.table
    table.scrollToItem(table.item(row, 0))
    place = table.visualItemRect(table.item(row, 0)).center()
    qtbot.mouseClick(table.viewport(), LEFT, pos=place)


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_a_click_shows_the_image_with_the_contours_of_both_models(dock, compared, viewer, qtbot):
    compared()
    assert "Click on a case" in dock.acceptance.legend.text()
    height = dock.acceptance.take.mapToGlobal(dock.acceptance.take.rect().center()).y()
    click(dock, qtbot, 2)
    qtbot.waitUntil(lambda: len(viewer.layers) == 3)
    image, old, new = viewer.layers
    assert isinstance(image, Image) and image.name == "Case 2" and image.data.shape == SHAPE
    assert isinstance(old, Labels) and isinstance(new, Labels)
    for layer, colour in ((old, OLD), (new, NEW)):
        assert set(np.unique(layer.data)) == {0, colour.value}
        assert np.allclose(layer.get_color(colour.value)[:3], _rgb(colour.colour), atol=0.01)
    mask = lungs() > 0
    assert np.all(mask[old.data > 0]) and 0 < np.count_nonzero(old.data) < np.count_nonzero(mask)
    assert np.array_equal(np.argwhere(new.data), np.argwhere(np.roll(old.data, 4, axis=0)))
    text = dock.acceptance.legend.text()
    assert "Case 2" in text and "current model, test-lung" in text and "new model" in text
    assert OLD.colour in text and NEW.colour in text
    assert dock.acceptance.take.mapToGlobal(dock.acceptance.take.rect().center()).y() == height, (
        "buttons stay in place"
    )
    click(dock, qtbot, 3)
    qtbot.waitUntil(lambda: names(viewer)[:1] == ["Case 3"])
    assert len(viewer.layers) == 3
    qtbot.keyClick(dock.acceptance.table, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: names(viewer)[:1] == ["Case 4"])
    qtbot.mouseClick(dock.acceptance.hide_case, LEFT)
    assert not viewer.layers and not dock.acceptance.hide_case.isEnabled()
    assert "Click on a case" in dock.acceptance.legend.text()


def test_images_without_a_reference_are_shown_too(dock, started, library, viewer, qtbot):  # noqa: F811
    job, ids = started(new=1)
    (untouched,) = job.arguments["untouched"]
    assert untouched.id == ids[4] and untouched.mask is None
    result = result_of(job, library)
    small, large = np.zeros((32, 32), bool), lungs() > 0
    small[8:20, 6:26] = True
    travel = ComparedCase.of(small, small.T, np.full((32, 32), 90, np.uint8))
    drift = {"the travel set": {"Child 1": travel}, "yours": {ids[4]: ComparedCase.of(large, large)}}
    places = tuple(Drift(place, tuple(DriftCase(id, 0.9) for id in masks)) for place, masks in drift.items())
    report = replace(result.report, drift=places)
    job.end(replace(result, report=report, drift=drift))
    qtbot.waitUntil(dock.acceptance.isVisible)
    rows = dock.acceptance.table.rowCount()
    click(dock, qtbot, rows - 3)
    qtbot.waitUntil(lambda: names(viewer)[:1] == ["Child 1"])
    assert viewer.layers[0].data.shape == (32, 32)
    click(dock, qtbot, rows - 1)
    qtbot.waitUntil(lambda: names(viewer)[:1] == ["Case 5"])
    assert viewer.layers[0].data.shape == SHAPE
    assert "Drift is the Dice" in dock.acceptance.explained.text()


def test_window_and_level_of_a_compared_case(dock, compared, viewer, qtbot):
    compared()
    click(dock, qtbot, 2)
    qtbot.waitUntil(lambda: len(viewer.layers) == 3)
    image, canvas = viewer.layers[0], viewer.window._qt_viewer.canvas.native
    before, zoom = tuple(image.contrast_limits), viewer.scene.camera.zoom
    start = canvas.rect().center()
    qtbot.mousePress(canvas, Qt.MouseButton.RightButton, pos=start)
    for step in (20, 40, 60):
        here = QPointF(start + QPoint(step, step))
        on_screen = QPointF(canvas.mapToGlobal(here.toPoint()))
        move = QMouseEvent(
            QEvent.Type.MouseMove,
            here,
            on_screen,
            Qt.MouseButton.NoButton,
            Qt.MouseButton.RightButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(canvas, move)
    qtbot.mouseRelease(canvas, Qt.MouseButton.RightButton, pos=start + QPoint(60, 60))
    assert tuple(image.contrast_limits) != before and viewer.scene.camera.zoom == zoom


def test_a_reference_image_comes_from_what_the_model_remembers(dock, compared, viewer, qtbot):
    compared()
    click(dock, qtbot, 5)  # a heading
    assert not viewer.layers
    click(dock, qtbot, 6)
    qtbot.waitUntil(lambda: len(viewer.layers) == 3)
    assert names(viewer)[0] == "Montgomery 1" and viewer.layers[0].data.shape == (32, 32)


@pytest.mark.parametrize("way", ["take", "keep", "close"])
def test_the_canvas_is_what_it_was_when_the_page_is_left(dock, compared, viewer, others, qtbot, way):
    compared()
    mine = viewer.add_image(np.ones((50, 70)), name="mine")
    hidden = viewer.add_image(np.ones((50, 70)), name="hidden", visible=False)
    viewer.layers.selection.active = mine
    viewer.scene.camera.zoom = 3.5
    before = viewer.scene.camera.center
    click(dock, qtbot, 1)
    qtbot.waitUntil(lambda: len(viewer.layers) == 5)
    assert not mine.visible
    viewer.scene.camera.zoom = 1.25
    if way == "close":
        dock.setParent(None)
    else:
        qtbot.mouseClick(getattr(dock.acceptance, way), LEFT)
    qtbot.waitUntil(lambda: names(viewer) == ["mine", "hidden"])
    assert mine.visible and not hidden.visible
    assert viewer.layers.selection.active is mine
    assert viewer.scene.camera.zoom == pytest.approx(3.5)
    assert viewer.scene.camera.center == pytest.approx(before)


def test_the_open_case_makes_room_and_comes_back(dock, compared, viewer, qtbot):
    _, ids = compared()
    work = dock._session.casework
    work.navigator.open_case(ids[0])
    qtbot.waitUntil(lambda: work.current is not None)
    click(dock, qtbot, 2)
    qtbot.waitUntil(lambda: "Case 2 – new model" in names(viewer))
    assert work.current is None
    qtbot.mouseClick(dock.acceptance.hide_case, LEFT)
    qtbot.waitUntil(lambda: work.current is not None and work.current.id == ids[0])
    assert "Case 2 – new model" not in names(viewer)


def test_a_case_that_is_opened_meanwhile_takes_the_place(dock, compared, viewer, qtbot):
    _, ids = compared()
    work = dock._session.casework
    click(dock, qtbot, 2)
    qtbot.waitUntil(lambda: len(viewer.layers) == 3)
    work.navigator.open_case(ids[3])
    qtbot.waitUntil(lambda: work.current is not None and "Case 2" not in names(viewer))
    assert work.current.id == ids[3]
    assert not dock.acceptance.table.selectedItems()


def test_an_image_that_is_gone_is_told_and_nothing_is_shown(dock, compared, viewer, qtbot, tmp_path):
    compared()
    (tmp_path / "ward" / "1.png").unlink()
    click(dock, qtbot, 2)
    qtbot.waitUntil(lambda: bool(dock.message.text()))
    assert not viewer.layers and dock.acceptance.isEnabled()


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
