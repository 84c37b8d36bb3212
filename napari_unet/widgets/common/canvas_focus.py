"""A click on a button leaves the keyboard with the canvas: arrow keys go on changing slices, Space moves."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QAbstractButton, QLabel, QWidget

from napari_unet.widgets.common.forms import ScrollColumn
from napari_unet.widgets.napari_compat.window import canvas_of


class CanvasFocus(QObject):
    """Hands the keyboard to the canvas of `viewer` after a click on a button of `dock`.

    So it does after a click on what takes no keyboard (a heading, an empty place): Qt would give it to the
    area that scrolls. A button that is reached with the Tab key keeps it, and so does a field that the click
    has opened, or a text that can be copied.
    """

    def __init__(self, dock: QWidget, viewer: Any) -> None:
        super().__init__(dock)
        self._dock = dock
        self._viewer = viewer

    def watch(self) -> None:
        """Watch all that can be clicked in the dock now; a second call does no harm."""
        found: list[QWidget] = [*self._dock.findChildren(QAbstractButton), *self._dock.findChildren(QLabel)]
        found += [area.widget() for area in self._dock.findChildren(ScrollColumn)]
        for widget in found:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take nothing away from anybody."""
        if event.type() == QEvent.Type.MouseButtonRelease and isinstance(watched, QWidget):
            QTimer.singleShot(0, partial(_hand_over, watched, self._viewer))
        return False


def _hand_over(widget: QWidget, viewer: Any) -> None:
    with suppress(RuntimeError):  # the window or the widget is gone
        canvas = canvas_of(viewer)
        holder = widget.window().focusWidget()
        if canvas is None:
            return
        pressed = holder is widget and isinstance(widget, QAbstractButton)
        if not pressed and not (isinstance(holder, ScrollColumn) and holder.isAncestorOf(widget)):
            return
        canvas.setFocus()
        if widget.window() is not canvas.window():  # a floating dock
            holder.clearFocus()
            canvas.window().activateWindow()
