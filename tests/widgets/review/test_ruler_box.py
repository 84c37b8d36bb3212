"""Two clicks on the canvas measure; the lines stay with their case."""

from __future__ import annotations

import numpy as np
import pytest
from casework_fakes import write_images, write_stack
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_unet.widgets.review.ruler import RulerBox


@pytest.fixture
def box(review, qtbot):
    """The ruler box of the review."""
    made = RulerBox(review.session)
    qtbot.addWidget(made)
    yield made
    made.close_down()


def click(review, point) -> None:
    """Click where a point of the image is on the canvas."""
    viewer = review.viewer
    canvas = viewer.window._qt_viewer.canvas.native
    QApplication.processEvents()
    world = np.asarray(viewer.layers[0].data_to_world(point))[-2:]
    centre, zoom = np.array(viewer.scene.camera.center[-2:]), viewer.scene.camera.zoom
    down, right = (world - centre) * zoom + np.array([canvas.height(), canvas.width()]) / 2
    QTest.mouseClick(
        canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(round(right), round(down))
    )
    QApplication.processEvents()


def measure(review, box, kind, start, end) -> None:
    box.buttons[kind].click()
    click(review, start)
    click(review, end)
    review.settle()


def test_a_distance_in_pixels(review, box, tmp_path):
    (id,) = review.start(write_images(tmp_path / "images", 1))
    assert not box.buttons["distance"].isEnabled()
    mask = review.open(id)
    mask.mode = "paint"
    before = mask.data.copy()
    measure(review, box, "distance", (10, 10), (10, 40))
    (line,) = review.work.project.case(id).measurements
    assert line.kind == "distance" and not line.in_mm and line.slice is None
    assert line.length == pytest.approx(30, abs=1)
    assert "Distance: 30 px" in box.text.text() or "px" in box.text.text()
    assert mask.mode == "paint" and not box.buttons["distance"].isChecked()
    np.testing.assert_array_equal(mask.data, before)  # the clicks did not paint
    box.clear.click()
    review.settle()
    assert review.work.project.case(id).measurements == ()


def test_the_cardiothoracic_ratio_comes_back_with_its_case(review, box, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 2))
    review.open(ids[0])
    measure(review, box, "heart", (30, 20), (30, 45))
    measure(review, box, "chest", (35, 10), (35, 60))
    assert "Cardiothoracic ratio: 0.5" in box.text.text()
    measure(review, box, "heart", (30, 20), (30, 30))  # in place of the first
    assert "Cardiothoracic ratio: 0.2" in box.text.text()
    review.open(ids[1])
    assert box.text.text() == ""
    review.open(ids[0])
    assert "Cardiothoracic ratio: 0.2" in box.text.text()


def test_millimetres_on_a_slice(review, box, tmp_path):
    (id,) = review.start([write_stack(tmp_path / "ct.nii")])
    review.open(id)
    review.viewer.dims.set_current_step(0, 2)
    measure(review, box, "distance", (2, 10, 10), (2, 10, 30))
    (line,) = review.work.project.case(id).measurements
    assert line.in_mm and line.slice == 2
    assert line.length == pytest.approx(30, abs=2)


def test_the_ruler_is_put_away(review, box, tmp_path):
    ids = review.start(write_images(tmp_path / "images", 2))
    review.open(ids[0]).mode = "erase"
    callbacks = list(review.viewer.mouse_drag_callbacks)
    box.buttons["heart"].click()
    assert review.work.current_layer.mode == "pan_zoom"
    box.buttons["heart"].click()
    assert review.work.current_layer.mode == "erase"
    box.buttons["heart"].click()
    review.open(ids[1])  # the case is left in the middle
    assert not box.buttons["heart"].isChecked()
    assert list(review.viewer.mouse_drag_callbacks) == callbacks


def test_the_scale_bar(review, box):
    box.scale_bar.click()
    assert review.viewer.canvas.overlays.scale_bar.visible
    box.close_down()
    assert not review.viewer.canvas.overlays.scale_bar.visible
