"""A click on a button leaves the keyboard with the canvas: arrow keys go on changing slices, Space moves."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QAbstractButton, QWidget


class CanvasFocus(QObject):
    """Hands the keyboard to the canvas of `viewer` after a click on a button of `dock`.

    A button that is reached with the Tab key keeps it, and so does a field that the click has opened.
    """

    def __init__(self, dock: QWidget, viewer: Any) -> None:
        super().__init__(dock)
        self._dock = dock
        self._viewer = viewer

    def watch(self) -> None:
        """Watch all buttons that are in the dock now; once more does no harm."""
        for button in self._dock.findChildren(QAbstractButton):
            button.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take nothing away from anybody."""
        if event.type() == QEvent.Type.MouseButtonRelease and isinstance(watched, QAbstractButton):
            QTimer.singleShot(0, partial(_hand_over, watched, self._viewer))
        return False


def _hand_over(button: QAbstractButton, viewer: Any) -> None:
    with suppress(AttributeError, RuntimeError):  # the window or the button is gone
        canvas = viewer.window._qt_viewer.canvas.native
        if button.window().focusWidget() is not button:
            return
        canvas.setFocus()
        if button.window() is not canvas.window():  # a floating dock
            button.clearFocus()
            canvas.window().activateWindow()
