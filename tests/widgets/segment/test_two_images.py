"""With two images open, the one chosen in the Segment dock is seen, and the mask lies on it."""

from __future__ import annotations

import numpy as np
import pytest
from dock_fakes import settle, two_lungs
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication


def right_drag(viewer) -> None:
    canvas = viewer.window._qt_viewer.canvas.native
    middle = canvas.rect().center()
    right = Qt.MouseButton.RightButton
    QTest.mousePress(canvas, right, pos=middle)
    there = QPointF(middle + QPoint(-60, 20))
    on_screen = QPointF(canvas.mapToGlobal(there.toPoint()))
    none, plain = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(canvas, QMouseEvent(QEvent.Type.MouseMove, there, on_screen, none, right, plain))
    QTest.mouseRelease(canvas, right, pos=there.toPoint())


@pytest.mark.parametrize("by", ["mouse and keys", "choose"])
def test_the_lower_image_is_shown_segmented_and_windowed(viewer, dock, click_segment, qtbot, by):
    lower = viewer.add_image(np.arange(64 * 80, dtype=np.uint16).reshape(64, 80), name="lower")
    upper = viewer.add_image(np.zeros((64, 80), np.uint16), name="upper")
    assert dock.image.layer() is upper
    if by == "choose":
        dock.image.choose(lower)
    else:
        dock.image.setFocus()
        QTest.keyClick(dock.image, Qt.Key.Key_Down)
    assert dock.image.layer() is lower and lower.visible and not upper.visible
    click_segment().end(two_lungs((64, 80)))
    qtbot.waitUntil(dock.run.isEnabled)
    settle(qtbot, dock)
    mask = viewer.layers[-1]
    assert viewer.layers.selection.active is mask and lower.visible and not upper.visible
    limits, others = list(lower.contrast_limits), list(upper.contrast_limits)
    right_drag(viewer)
    assert lower.contrast_limits != limits and upper.contrast_limits == others
    viewer.layers.selection.active = upper
    assert upper.visible and not mask.visible


def test_an_edit_that_fails_leaves_the_threshold_usable(viewer, dock, segmented, qtbot, monkeypatch, told):
    _, mask = segmented()
    real, calls = type(mask).data_setitem, []

    def fails(*arguments, **options):
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("Data is too large")
        return real(*arguments, **options)

    monkeypatch.setattr(type(mask), "data_setitem", fails)
    before = mask.data.copy()
    for threshold in (0.9, 0.8):
        dock.result.threshold.set_value(threshold)
        dock.result.threshold.settled.emit(threshold)
        settle(qtbot, dock)
    assert any("Data is too large" in text for text in told)
    assert not np.array_equal(mask.data, before) and not mask._block_history
