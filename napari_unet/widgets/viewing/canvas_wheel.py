"""The wheel on the canvas: the size of the brush, and slices or zoom as the user likes it."""

from __future__ import annotations

from napari import Viewer
from napari.layers import Labels
from qtpy.QtCore import QEvent, QObject, QPoint, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_unet.core.brush_size import resized
from napari_unet.widgets.common.preferences import wheel_turns_slices
from napari_unet.widgets.napari_compat.window import as_kind
from napari_unet.widgets.viewing.canvas_filter import CanvasFilter
from napari_unet.widgets.viewing.canvas_slices import has_slices, step_slices

_NOTCH = 120  # of Qt's angle
_PLAIN = Qt.KeyboardModifier.NoModifier
_SHIFT, _CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


class CanvasWheel(CanvasFilter):
    """Shift and the wheel change the brush of the active mask. The rest is napari's (zoom; with Ctrl, slices)
    or, where the preferences say so and there are slices, the other way round."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__(viewer)
        self._rest: dict[str, float] = {"brush": 0.0, "slice": 0.0}  # of finer wheels, until it is a notch
        self._is_passed_on = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """True for what napari must not see."""
        if watched is not self._canvas or event.type() != QEvent.Type.Wheel or self._is_passed_on:
            return False
        wheel = as_kind(event, QWheelEvent)
        turned = wheel.angleDelta().y() or wheel.angleDelta().x()  # Shift turns it sideways on some systems
        if wheel.modifiers() == _SHIFT:
            return self._on_brush(turned)
        if self._turns_slices():
            if wheel.modifiers() == _PLAIN:
                return self._on_slice(turned)
            if wheel.modifiers() == _CTRL:
                self._pass_on(wheel, turned)
                return True
        return False

    def _on_brush(self, turned: int) -> bool:
        layer = self._viewer.layers.selection.active
        if not isinstance(layer, Labels):
            return False
        steps = self._notches("brush", turned)
        if steps:
            layer.brush_size = resized(layer.brush_size, steps)
        return True

    def _on_slice(self, turned: int) -> bool:
        """Towards the user: the next slice, as with Ctrl in napari."""
        steps = self._notches("slice", turned)
        if steps:
            step_slices(self._viewer, -steps)
        return True

    def _turns_slices(self) -> bool:
        return has_slices(self._viewer) and wheel_turns_slices()

    def _notches(self, what: str, turned: int) -> int:
        total = self._rest[what] + turned / _NOTCH
        whole = int(total)
        self._rest[what] = total - whole
        return whole

    def _pass_on(self, event: QWheelEvent, turned: int) -> None:
        """The same without its modifier: napari zooms towards the mouse then."""
        plain = QWheelEvent(
            event.position(),
            event.globalPosition(),
            event.pixelDelta(),
            QPoint(0, turned),
            event.buttons(),
            _PLAIN,
            event.phase(),
            event.inverted(),
        )
        self._is_passed_on = True
        try:
            QApplication.sendEvent(self._canvas, plain)
        finally:
            self._is_passed_on = False
