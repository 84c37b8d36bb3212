"""Keys of the Correct dock, and the keyboard after a click in a dock."""

from __future__ import annotations

import numpy as np
import pytest
from correct_hands import SHIFT
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel, QToolButton

from napari_unet.core.brush_size import resized
from napari_unet.core.labels import IGNORE
from napari_unet.widgets.common.shortcuts import ACTS
from napari_unet.widgets.review.actions import ACTIONS, taken_keys


def test_no_key_belongs_to_somebody_else(viewer):
    taken = {key: whose for key, whose in taken_keys(viewer).items() if key in ACTS}
    theirs = {key: whose for key, whose in taken.items() if "this plug-in" not in whose}
    assert not theirs and not {action.key for action in ACTIONS} & set(ACTS)


@pytest.mark.parametrize(("key", "at"), [("B", 0), ("P", 1), ("L", 2)])
def test_tools_go_on_and_off(dock, hands, case, key, at):
    hands.key(hands.canvas, getattr(Qt.Key, f"Key_{key}"), SHIFT)
    assert [tool.is_on for tool in dock.tools._tools] == [at == other for other in range(3)]
    hands.key(hands.canvas, getattr(Qt.Key, f"Key_{key}"), SHIFT)
    assert not any(tool.is_on for tool in dock.tools._tools)


def test_what_is_painted(dock, hands, case):
    _, mask = case
    for key, label in (("U", IGNORE), ("E", 0), ("R", 1)):
        hands.key(hands.canvas, getattr(Qt.Key, f"Key_{key}"), SHIFT)
        assert mask.selected_label == label
    hands.key(hands.canvas, Qt.Key.Key_F, SHIFT)
    assert mask.selected_label == 1, "this mask has no left lung of its own"
    mask.data_setitem((np.array([3]), np.array([3])), 2)
    hands.ready()
    hands.key(hands.canvas, Qt.Key.Key_F, SHIFT)
    assert mask.selected_label == 2


def test_the_size_of_the_brush_changes_in_steps_that_one_can_feel(dock, hands, case):
    _, mask = case
    mask.brush_size = 40
    hands.key(hands.canvas, Qt.Key.Key_BracketRight)
    assert mask.brush_size == 46 == dock.tools.size.value()
    hands.key(hands.canvas, Qt.Key.Key_BracketLeft)
    assert mask.brush_size == 40
    mask.brush_size = 1
    hands.key(hands.canvas, Qt.Key.Key_BracketLeft)
    assert mask.brush_size == 1
    hands.key(hands.canvas, Qt.Key.Key_BracketRight)
    assert mask.brush_size == 2


def test_a_step_there_and_back_is_near_where_it_began():
    for size in range(1, 170):
        assert size < resized(size, 1) <= max(size + 1, 1.2 * size)
        assert abs(resized(resized(size, 1), -1) - size) <= 1
    assert resized(200, 1) == resized(5000, 0) == 200 and resized(1, -3) == 1


def test_keys_work_from_the_dock_and_not_while_typing(dock, hands, case):
    _, mask = case
    mask.brush_size = 40
    hands.key(dock.actions.buttons["Grow"], Qt.Key.Key_BracketRight)
    assert mask.brush_size == 46
    hands.key(dock.actions.amount, Qt.Key.Key_BracketRight)
    assert mask.brush_size == 46


def test_without_the_dock_the_keys_are_naparis(dock, viewer, hands, case):
    _, mask = case
    mask.brush_size = 40
    viewer.window.remove_dock_widget(dock)
    hands.key(hands.canvas, Qt.Key.Key_BracketRight)
    assert mask.brush_size == 41


def test_arrow_keys_go_on_changing_slices_after_a_click_on_a_button(dock, viewer, hands, qtbot):
    viewer.add_image(np.zeros((5, 32, 40), np.uint8))
    viewer.add_labels(np.ones((5, 32, 40), np.uint8))
    viewer.dims.set_current_step(0, 1)
    hands.ready()
    window = viewer.window._qt_window
    for button in (dock.slices.mark, dock.actions.buttons["Grow"]):
        button.setFocus()
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: window.focusWidget() is hands.canvas)
        hands.ready()
        here = viewer.dims.current_step[0]
        hands.key(window.focusWidget(), Qt.Key.Key_Right)
        assert viewer.dims.current_step[0] == here + 1
        hands.ready()


def test_what_takes_no_keyboard_leaves_it_with_the_picture(dock, viewer, hands, qtbot):
    window = viewer.window._qt_window
    for widget in (*dock.findChildren(QToolButton), *dock.findChildren(QLabel)):
        can_copy = isinstance(widget, QLabel) and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        if widget.isVisible() and not can_copy and not widget.visibleRegion().isEmpty():
            hands.canvas.setFocus()
            QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
            qtbot.wait(20)
            assert window.focusWidget() is hands.canvas, widget.text()
