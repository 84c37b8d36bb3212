"""A stroke of napari's brush, made with the mouse."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

LEFT = Qt.MouseButton.LeftButton
PLAIN = Qt.KeyboardModifier.NoModifier


def paint(viewer: Any, layer: Any, *places: tuple[float, float]) -> None:
    """One stroke over places (row, column) of a mask layer, in pixels."""
    canvas = viewer.window._qt_viewer.canvas
    node = canvas.layer_to_visual[layer].node
    layer.mode, layer.brush_size = "paint", 25

    def at(row: float, column: float) -> QPoint:
        x, y = node.get_transform("visual", "canvas").map([column + 0.5, row + 0.5])[:2]
        return QPoint(round(x), round(y))

    QTest.mousePress(canvas.native, LEFT, PLAIN, at(*places[0]))
    for start, end in pairwise(places):
        for share in np.linspace(0, 1, 6)[1:]:
            here = QPointF(at(*np.add(start, np.subtract(end, start) * share)))
            there = QPointF(canvas.native.mapToGlobal(here.toPoint()))
            move = QMouseEvent(QEvent.Type.MouseMove, here, there, Qt.MouseButton.NoButton, LEFT, PLAIN)
            QApplication.sendEvent(canvas.native, move)
            QTest.qWait(12)  # napari takes a move at most every 5 ms
    QTest.mouseRelease(canvas.native, LEFT, PLAIN, at(*places[-1]))
