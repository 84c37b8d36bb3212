"""Mouse and keys on a mask shown on the canvas, in pixels of the mask."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

PLAIN = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton
RIGHT = Qt.MouseButton.RightButton


class MaskHands:
    """What a person does with one mask of a window, and waiting until the dock has done its part."""

    def __init__(self, viewer, dock, qtbot) -> None:
        self.viewer, self.dock, self._qtbot = viewer, dock, qtbot
        self.canvas = viewer.window._qt_viewer.canvas.native

    def at(self, layer, row: float, column: float) -> QPoint:
        """Where the middle of a pixel of the slice in view is on the canvas."""
        node = self.viewer.window._qt_viewer.canvas.layer_to_visual[layer].node
        x, y = node.get_transform("visual", "canvas").map([column + 0.5, row + 0.5])[:2]
        return QPoint(round(x), round(y))

    def hover(self, layer, row: float, column: float) -> None:
        self._send(self.at(layer, row, column), Qt.MouseButton.NoButton, PLAIN)
        self._qtbot.wait(20)

    def press(self, layer, row: float, column: float, modifiers=PLAIN, button=LEFT) -> None:
        QTest.mousePress(self.canvas, button, modifiers, self.at(layer, row, column))

    def move(self, layer, row: float, column: float, modifiers=PLAIN, button=LEFT) -> None:
        self._send(self.at(layer, row, column), button, modifiers)
        self._qtbot.wait(12)  # napari takes a move at most every 5 ms

    def release(self, layer, row: float, column: float, modifiers=PLAIN, button=LEFT) -> None:
        QTest.mouseRelease(self.canvas, button, modifiers, self.at(layer, row, column))

    def drag(
        self,
        layer,
        *points: tuple[float, float],
        modifiers=PLAIN,
        button=LEFT,
        while_down: Callable[[], None] | None = None,
    ) -> None:
        """Press at the first of the points, go over the others, release at the last one."""
        self.press(layer, *points[0], modifiers, button)
        for start, end in pairwise(points):
            for share in np.linspace(0, 1, 5)[1:]:
                row, column = np.add(start, np.subtract(end, start) * share)
                self.move(layer, row, column, modifiers, button)
        if while_down is not None:
            while_down()
        QTest.mouseRelease(self.canvas, button, modifiers, self.canvas.rect().center())
        QApplication.processEvents()

    def key(self, widget, key, modifiers=PLAIN) -> None:
        QTest.keyClick(widget, key, modifiers)
        QApplication.processEvents()

    def wait(self, until: Callable[[], bool]) -> None:
        self._qtbot.waitUntil(until)

    def ready(self) -> None:
        """Wait until everything is loaded, made and counted."""
        dock = self.dock
        self._qtbot.waitUntil(
            lambda: (
                not dock.editor.is_busy
                and not dock._look.isActive()
                and dock.target._job is None
                and dock.numbers.is_calm
            )
        )
        QApplication.processEvents()

    def _send(self, here: QPoint, button, modifiers) -> None:
        """QTest's own moves forget the button."""
        place, on_screen = QPointF(here), QPointF(self.canvas.mapToGlobal(here))
        kind, none = QEvent.Type.MouseMove, Qt.MouseButton.NoButton
        QApplication.sendEvent(self.canvas, QMouseEvent(kind, place, on_screen, none, button, modifiers))
