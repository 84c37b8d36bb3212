"""The right and the middle button of the mouse are for looking: they never reach a mask."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

import numpy as np
from napari import Viewer
from napari.utils.notifications import show_info
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QMouseEvent

from napari_unet.widgets.napari_compat.modes import is_drawing_freehand
from napari_unet.widgets.napari_compat.window import as_kind
from napari_unet.widgets.viewing.canvas_filter import CanvasFilter

_LEFT, _RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
_MIDDLE = Qt.MouseButton.MiddleButton
_NONE = Qt.KeyboardModifier.NoModifier
_PRESS = QEvent.Type.MouseButtonPress
_DOUBLE = QEvent.Type.MouseButtonDblClick
_RELEASE = QEvent.Type.MouseButtonRelease
_MOVE = QEvent.Type.MouseMove

Drag = Generator[None, tuple[float, float], None]
"""Goes on with each movement: (right, down) since the press, as shares of the canvas."""


class Starts(Protocol):
    """What a press of the right button begins; None if there is nothing to change."""

    def __call__(self) -> Drag | None: ...


class CanvasMouse(CanvasFilter):
    """Takes mouse events of the canvas before napari, its layers and other tools get them.

    Qt's events are caught, because napari passes each button to whatever tool is active: its brush begins a
    stroke that goes on after the release, its bucket fills. While a layer has a tool on, no button but the
    left one reaches it, whatever modifiers are held, in 2D and in 3D. The right button does what `right`
    begins, the middle one moves the view. While the left button draws, the others do nothing. With no tool
    on, napari keeps the buttons in 3D, with a modifier, and where `right` has nothing to change.
    """

    def __init__(self, viewer: Viewer, right: Starts) -> None:
        super().__init__(viewer)
        self._right = right
        self._held = Qt.MouseButton.NoButton  # buttons whose release napari must not see either
        self._button = Qt.MouseButton.NoButton
        self._drawing = False  # the left button is down, and napari knows
        self._drag: Drag | None = None
        self._pressed = (0.0, 0.0)

    def remove(self) -> None:
        """Give the buttons back to napari. A drag under way ends."""
        self._end()
        super().remove()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """True for what napari must not see."""
        kind = event.type()
        if watched is not self._canvas or kind not in (_PRESS, _DOUBLE, _MOVE, _RELEASE):
            return False
        mouse = as_kind(event, QMouseEvent)
        if kind == _MOVE:
            return self._on_move(mouse)
        return self._on_release(mouse) if kind == _RELEASE else self._on_press(mouse)

    def _on_press(self, event: QMouseEvent) -> bool:
        button = event.button()
        if self._drag is not None:
            self._is_over(event)
        elif button == _LEFT:
            self._drawing = True
            return False
        elif not self._drawing and not self._begin(button, event):
            return False
        self._held |= button
        return True

    def _begin(self, button: Any, event: QMouseEvent) -> bool:
        """Whether the press is ours: a drag has begun, or a tool must not get it."""
        tool = self._tool_is_on()
        if not tool and (event.modifiers() != _NONE or self._viewer.dims.ndisplay != 2):
            return False
        drag = None
        if button == _RIGHT:
            drag = self._right()
        elif button == _MIDDLE and self._viewer.dims.ndisplay == 2:
            drag = self._pan()
        if drag is None:
            if tool and button == _RIGHT:
                show_info("There is no greyscale image in view to adjust.")
            return tool
        next(drag)
        self._drag, self._button = drag, button
        self._pressed = _place(event)
        self._viewer.cursor.events.position()  # somebody is at work: whoever measures time must know
        return True

    def _on_move(self, event: QMouseEvent) -> bool:
        if self._drag is None:
            return bool(self._held) and not event.buttons() & _LEFT
        if self._is_over(event):
            return bool(self._held)
        x, y = _place(event)
        width, height = max(1, self._canvas.width()), max(1, self._canvas.height())
        try:
            self._drag.send(((x - self._pressed[0]) / width, (y - self._pressed[1]) / height))
        except StopIteration:
            self._drag = None
        return True

    def _on_release(self, event: QMouseEvent) -> bool:
        button = event.button()
        if button == self._button:
            self._end()
        if button == _LEFT:
            self._drawing = False
        ours = bool(self._held & button)
        self._held &= ~button
        return ours

    def _is_over(self, event: QMouseEvent) -> bool:
        """Whether the release went to somebody else; the drag is ended then."""
        if event.buttons() & self._button:
            return False
        self._end()
        self._held &= event.buttons()
        return True

    def _end(self) -> None:
        drag, self._drag = self._drag, None
        self._button = Qt.MouseButton.NoButton
        if drag is not None:
            drag.close()

    def _tool_is_on(self) -> bool:
        """Whether a press could change the active layer."""
        active = self._viewer.layers.selection.active
        return active is not None and (str(active.mode) != "pan_zoom" or is_drawing_freehand(active))

    def _pan(self) -> Drag:
        """Move the view with the mouse."""
        camera = self._viewer.scene.camera
        start = np.array(camera.center[-2:], float)
        size = np.array([self._canvas.height(), self._canvas.width()], float)
        signs = np.array([1 if way in ("down", "right") else -1 for way in camera.orientation2d])
        while True:
            right, down = yield
            moved = np.array([down, right]) * size * signs / camera.zoom
            camera.center = (*camera.center[:-2], *(start - moved))


def _place(event: QMouseEvent) -> tuple[float, float]:
    at = event.position() if hasattr(event, "position") else event.localPos()  # PyQt6, PyQt5
    return float(at.x()), float(at.y())
