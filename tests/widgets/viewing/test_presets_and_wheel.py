"""Windows by name with their numbers on the canvas, and what the wheel does."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QKeyEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_unet.core.raster import Modality
from napari_unet.widgets.viewing import canvas_wheel, window_level
from napari_unet.widgets.viewing.window_text import NAME

SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
PLAIN = Qt.KeyboardModifier.NoModifier


def told(viewer) -> str:
    text = viewer.canvas.overlays[NAME]
    return text.text if text.visible else ""


def turn(viewer, notches: float, modifiers=PLAIN) -> None:
    canvas = viewer.window._qt_viewer.canvas.native
    middle = QPointF(canvas.width() / 2, canvas.height() / 2)
    QApplication.sendEvent(
        canvas,
        QWheelEvent(
            middle,
            QPointF(canvas.mapToGlobal(middle.toPoint())),
            QPoint(),
            QPoint(0, round(120 * notches)),
            Qt.MouseButton.NoButton,
            modifiers,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        ),
    )


def next_preset(viewer) -> None:
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_W, SHIFT)


@pytest.fixture
def stack(viewer, viewing):
    """A CT of 9 slices, the 5th in view."""
    viewer.layers.clear()
    values = np.random.default_rng(0).integers(-1000, 1200, (9, 64, 64)).astype(np.int16)
    image = viewer.add_image(values, metadata={"napari_unet": {"modality": Modality.CT}})
    viewer.dims.set_current_step(0, 4)
    return image


def test_the_numbers_follow_a_drag_with_the_brush_on(viewer, viewing, hands):
    viewer.layers["lungs"].mode = "paint"
    assert told(viewer) == "W 4083  L 2042  full range"
    seen = []
    hands.drag(-100, 0, while_down=lambda: seen.append(told(viewer)))
    low, high = viewer.layers["chest"].contrast_limits
    assert seen[0].startswith(f"W {high - low:.0f}  L 204") and "range" not in seen[0]
    viewer.layers["chest"].visible = False
    assert told(viewer) == ""


def test_presets_of_an_x_ray(viewer, viewing, hands):
    chest = viewer.layers["chest"]
    chest.metadata = {"napari_unet": {"window": (500.0, 2500.0)}}
    names = []
    for _ in range(4):
        next_preset(viewer)
        names.append(told(viewer).split("  ")[-1])
    assert names == ["as in the file", "automatic", "full range", "as in the file"]
    assert chest.contrast_limits == [500, 2500]
    assert chest.contrast_limits_range == [0, 4083]


def test_presets_of_a_ct(viewer, stack):
    seen = []
    for _ in range(3):
        next_preset(viewer)
        seen.append(told(viewer))
    assert seen == [
        "W 1500  L −600 HU\nlung",
        "W 400  L 40 HU\nmediastinum",
        "W 2000  L 400 HU\nbone",
    ]


@pytest.mark.parametrize("mode", ["pan_zoom", "paint"])
def test_the_windows_of_a_ct_have_keys(viewer, stack, mode):
    lungs = viewer.add_labels(np.zeros(stack.data.shape, np.uint8))
    lungs.mode = mode
    seen = []
    for key in (Qt.Key.Key_0, Qt.Key.Key_8, Qt.Key.Key_9):
        QTest.keyClick(viewer.window._qt_viewer.canvas.native, key)
        seen.append(told(viewer).split("\n")[-1])
    assert seen == ["bone", "lung", "mediastinum"]
    next_preset(viewer)
    assert told(viewer).endswith("bone"), "the next one follows the one by key"
    assert lungs.mode == mode


def test_an_x_ray_has_no_lung_window_and_says_so(viewer, viewing, hands, monkeypatch):
    said = []
    monkeypatch.setattr(window_level, "show_info", said.append)
    before = viewer.layers["chest"].contrast_limits
    hands.press_key("8")
    assert viewer.layers["chest"].contrast_limits == before
    assert said == ["“chest” is not a CT: it has no lung window."]


def test_page_up_and_down_go_through_the_slices_and_on_while_they_are_held(viewer, stack):
    viewer.add_labels(np.zeros(stack.data.shape, np.uint8)).mode = "paint"
    canvas = viewer.window._qt_viewer.canvas.native
    QTest.keyClick(canvas, Qt.Key.Key_PageDown)
    assert viewer.dims.current_step[0] == 5
    for repeated in (False, True, True):
        key = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_PageUp, PLAIN, "", repeated)
        QApplication.sendEvent(canvas, key)
    assert viewer.dims.current_step[0] == 2
    for _ in range(9):
        QTest.keyClick(canvas, Qt.Key.Key_PageDown)
    assert viewer.dims.current_step[0] == 8
    QTest.keyClick(canvas, Qt.Key.Key_PageUp, CTRL)
    assert viewer.dims.current_step[0] == 8, "with Ctrl it is somebody else's"


def test_shift_and_the_wheel_change_the_brush(viewer, viewing, hands):
    lungs, zoom = viewer.layers["lungs"], viewer.scene.camera.zoom
    lungs.mode, lungs.brush_size = "paint", 40
    turn(viewer, 1, SHIFT)
    assert lungs.brush_size == 46
    turn(viewer, -2, SHIFT)
    assert lungs.brush_size == 35
    for _ in range(60):
        turn(viewer, -1, SHIFT)
    assert lungs.brush_size == 1
    turn(viewer, 0.5, SHIFT)
    turn(viewer, 0.5, SHIFT)
    assert lungs.brush_size == 2, "two halves of a notch are one"
    assert viewer.scene.camera.zoom == zoom


def test_the_wheel_zooms_as_in_napari_unless_chosen_otherwise(viewer, stack, qtbot):
    zoom = viewer.scene.camera.zoom
    turn(viewer, 1)
    qtbot.waitUntil(lambda: viewer.scene.camera.zoom > zoom, timeout=60_000)
    assert viewer.dims.current_step[0] == 4
    turn(viewer, -1, CTRL)
    assert viewer.dims.current_step[0] == 5


def test_the_wheel_as_in_a_pacs_viewer(viewer, stack, monkeypatch, qtbot):
    monkeypatch.setattr(canvas_wheel, "wheel_turns_slices", lambda: True)
    zoom = viewer.scene.camera.zoom
    turn(viewer, -1)
    assert viewer.dims.current_step[0] == 5 and viewer.scene.camera.zoom == zoom
    for _ in range(9):
        turn(viewer, -1)
    assert viewer.dims.current_step[0] == 8
    turn(viewer, 2)
    assert viewer.dims.current_step[0] == 6
    turn(viewer, 1, CTRL)
    qtbot.waitUntil(lambda: viewer.scene.camera.zoom > zoom, timeout=60_000)
    assert viewer.dims.current_step[0] == 6


def test_without_slices_the_wheel_zooms(viewer, viewing, monkeypatch, qtbot):
    monkeypatch.setattr(canvas_wheel, "wheel_turns_slices", lambda: True)
    zoom = viewer.scene.camera.zoom
    turn(viewer, 1)
    qtbot.waitUntil(lambda: viewer.scene.camera.zoom > zoom, timeout=60_000)
