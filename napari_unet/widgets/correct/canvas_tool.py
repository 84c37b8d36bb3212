"""What all tools for the mouse on a mask have in common."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.labels import IGNORE, as_bytes
from napari_unet.widgets.common.jobs import in_words
from napari_unet.widgets.common.mouse_mode import HOST, PAN, OurMode
from napari_unet.widgets.common.sketch import Sketch
from napari_unet.widgets.correct.edits import WAIT
from napari_unet.widgets.correct.target import Plane, Target
from napari_unet.widgets.napari_compat.window import canvas_keys

LEFT_BUTTON = 1


class CanvasTool(QObject):
    """A tool for the left button on one mask layer. `on` and `off` bring it there and take it away.

    Choosing any tool of napari's ends it (see `OurMode`), and Space held moves the view as always. ended :
    the tool went off by itself. suspended : it went off because the mask was hidden. refused : a sentence why
    a press did nothing. failed : a UserError; the stroke has ended, and what it painted until then stays.
    """

    ended = Signal()
    suspended = Signal()
    refused = Signal(str)
    failed = Signal(object)
    cursor = "cross"

    def __init__(self, target: Target, viewer: Any) -> None:
        super().__init__()
        self._target = target
        self._viewer = viewer
        self._sketch = Sketch(viewer)
        self._layer: Labels | None = None
        self._mode: OurMode | None = None
        self._space = False
        self._dragging = False

    @property
    def is_on(self) -> bool:
        """Whether the tool has the mouse."""
        return self._layer is not None

    def on(self, layer: Labels) -> None:
        """Take the left button on `layer`, which is visible."""
        self.off()
        self._layer = layer
        self._mode = OurMode(self._viewer, layer, self._leave)
        self._show_cursor(layer)
        layer.mouse_drag_callbacks.append(self._on_press)
        layer.mouse_move_callbacks.append(self._on_hover)
        layer.events.mode.connect(self._on_mode, position="last")  # napari's buttons follow the mode first
        self._viewer.events.mouse_over_canvas.connect(self._on_canvas_left)
        for events in self._keys():
            events.connect(self._on_key, position="first")

    def off(self) -> None:
        """Give the mouse back to napari. A stroke under way ends as it is."""
        layer, self._layer = self._layer, None
        mode, self._mode = self._mode, None
        if layer is None or mode is None:
            return
        self._end_stroke()
        self._dragging = self._space = False
        self._sketch.clear()
        self._viewer.events.mouse_over_canvas.disconnect(self._on_canvas_left)
        for events in self._keys():
            events.disconnect(self._on_key)
        layer.events.mode.disconnect(self._on_mode)
        layer.mouse_drag_callbacks.remove(self._on_press)
        layer.mouse_move_callbacks.remove(self._on_hover)
        mode.release()

    def _has(self, layer: Labels) -> bool:
        return layer is self._layer

    def _leave(self) -> None:
        self.off()
        self.ended.emit()

    # -- what a tool is made of --

    def _begin(self, plane: Plane, at: np.ndarray, shift: bool) -> bool:
        """The button goes down at (row, column); False if nothing can be done here."""
        raise NotImplementedError

    def _move(self, plane: Plane, at: np.ndarray) -> None:
        raise NotImplementedError

    def _release(self, plane: Plane) -> None:
        raise NotImplementedError

    def _end_stroke(self) -> None:
        """Whatever a stroke holds open is closed; called at the release, and if there never is one."""

    def _hover(self, plane: Plane, at: np.ndarray, shift: bool) -> None:
        """The mouse moves with no button down."""

    # -- from napari --

    def _on_press(self, layer: Labels, event: Any) -> Generator[None, None, None]:
        """napari calls this at the press and goes on with it at every move, until the release."""
        if event.button != LEFT_BUTTON or not self._has(layer) or layer.mode != HOST:
            return
        self._end_stroke()  # one whose release was lost
        plane = self._plane_of(layer)
        if plane is None:
            return
        try:
            as_bytes(np.array(layer.selected_label))
        except UserError as error:
            self.refused.emit(str(error))
            return
        self._sketch.clear()
        shift = "Shift" in event.modifiers
        self._dragging = bool(self._guarded(lambda: self._begin(plane, _place(layer, event), shift)))
        if not self._dragging:
            return
        yield
        while event.type == "mouse_move":
            if self._dragging:
                self._guarded(lambda: self._move(plane, _place(layer, event)))
            yield
        if self._dragging:
            self._dragging = False
            self._guarded(lambda: self._release(plane))
            self._guarded(self._end_stroke)

    def _guarded(self, step: Callable[[], Any]) -> Any:
        """One step of a stroke. If it fails the stroke ends, so that the next one, and napari, can go on."""
        try:
            return step()
        except Exception as error:
            reported = in_words(error)
            self._dragging = False
            self._sketch.clear()
            with suppress(Exception):
                self._end_stroke()
            self.failed.emit(reported)
            return None

    def _plane_of(self, layer: Labels) -> Plane | None:
        """The slice in view; None, with the reason reported, if nothing can be done there."""
        plane = self._target.plane()
        if plane is not None and plane.layer is layer:
            return plane
        self.refused.emit(str(self._target.obstacle() or WAIT))
        return None

    def _on_hover(self, layer: Labels, event: Any) -> None:
        plane = self._target.plane()
        if self._dragging or plane is None or layer.mode != HOST or plane.layer is not layer:
            return
        if not 0 <= layer.selected_label <= IGNORE:
            return
        self._guarded(lambda: self._hover(plane, _place(layer, event), "Shift" in event.modifiers))

    def _on_mode(self) -> None:
        if self._layer is None or self._mode is None:
            return
        if self._layer.mode == HOST:
            self._mode.settle()
            self._show_cursor(self._layer)
        elif not self._layer.visible:
            self.off()
            self.suspended.emit()
        elif self._space and self._layer.mode == PAN:
            self._sketch.clear_patch()
        else:
            self._leave()

    def _on_canvas_left(self) -> None:
        if not self._viewer.mouse_over_canvas:
            self._sketch.clear_patch()

    def _on_key(self, event: Any) -> None:
        """Know whether Space is held: napari leaves the mode for as long, and then comes back to it."""
        if event.key == "Space":
            self._space = event.type == "key_press"
        elif event.key == "Escape" and event.type == "key_press":
            self._on_escape()

    def _on_escape(self) -> None:
        """Leave what is being drawn; if nothing is, leave the tool."""
        if self._dragging:
            self._dragging = False
            self._end_stroke()
            self._sketch.clear()
        else:
            self._leave()

    def _show_cursor(self, layer: Labels) -> None:
        layer.cursor = self.cursor
        layer.brush_size = layer.brush_size  # sets the size of a round cursor

    def _keys(self) -> tuple[Any, Any]:
        """Where keys for the canvas arrive, from wherever in the window they come."""
        return canvas_keys(self._viewer)


def _place(layer: Labels, event: Any) -> np.ndarray:
    """(row, column) of the mouse, in pixels of the layer's slice."""
    return np.asarray(layer.world_to_data(event.position), float)[-2:]
