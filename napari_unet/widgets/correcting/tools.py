"""Tools for the mouse on a mask: smart brush, push the border, lasso."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from napari_unet.core.change import Change
from napari_unet.core.correct import seed_at, smart_disc
from napari_unet.core.errors import UserError
from napari_unet.core.labels import IGNORE, as_bytes
from napari_unet.core.palette import YELLOW
from napari_unet.widgets.correcting.edits import put
from napari_unet.widgets.correcting.sketch import Sketch
from napari_unet.widgets.correcting.target import Plane, Target

LEFT_BUTTON = 1
_MODE = "polygon"  # napari's own mode below ours: it does not pan, and it draws nothing by itself
_PAN = "pan_zoom"
_AT_ONCE = 16  # touches of the brush per movement of the mouse at most
_SKETCH_ALPHA = 0.6


class CanvasTool(QObject):
    """A tool for the left button on one mask layer. `on` and `off` bring it there and take it away.

    The layer is in napari's polygon mode meanwhile, with nothing of it but the cursor: choosing any mode of
    napari's ends the tool, and Space held moves the view as always. ended : the tool went off by itself.
    refused : a sentence why a press did nothing.
    """

    ended = Signal()
    refused = Signal(str)
    cursor = "cross"

    def __init__(self, target: Target, viewer: Any) -> None:
        super().__init__()
        self._target = target
        self._viewer = viewer
        self._sketch = Sketch(viewer)
        self._layer: Labels | None = None
        self._space = False
        self._dragging = False

    @property
    def is_on(self) -> bool:
        """Whether the tool has the mouse."""
        return self._layer is not None

    def on(self, layer: Labels) -> None:
        """Take the left button on `layer`."""
        self.off()
        self._layer = layer
        layer.mode = _MODE
        self._take_over()
        layer.mouse_drag_callbacks.append(self._on_press)
        layer.mouse_move_callbacks.append(self._on_hover)
        layer.events.mode.connect(self._on_mode)
        layer.events.visible.connect(self._on_visible)
        self._viewer.events.mouse_over_canvas.connect(self._on_canvas_left)
        for events in self._keys():
            events.connect(self._on_key, position="first")

    def off(self) -> None:
        """Give the mouse back to napari. A stroke under way ends as it is."""
        layer, self._layer = self._layer, None
        if layer is None:
            return
        self._end_stroke()
        self._dragging = False
        self._sketch.clear()
        self._viewer.events.mouse_over_canvas.disconnect(self._on_canvas_left)
        for events in self._keys():
            events.disconnect(self._on_key)
        layer.events.mode.disconnect(self._on_mode)
        layer.events.visible.disconnect(self._on_visible)
        layer.mouse_drag_callbacks.remove(self._on_press)
        layer.mouse_move_callbacks.remove(self._on_hover)
        if layer.mode == _MODE:
            layer.mode = _PAN

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
        if event.button != LEFT_BUTTON or layer is not self._layer or layer.mode != _MODE:
            return
        plane = self._target.plane()
        if plane is None or plane.layer is not layer:
            self.refused.emit("One moment: the image is being read. Then try again.")
            return
        try:
            as_bytes(np.array(plane.layer.selected_label))
        except UserError as error:
            self.refused.emit(str(error))
            return
        self._sketch.clear()
        if not self._begin(plane, _place(layer, event), "Shift" in event.modifiers):
            return
        self._dragging = True
        yield
        while event.type == "mouse_move":
            if self._dragging:
                self._move(plane, _place(layer, event))
            yield
        if self._dragging:
            self._dragging = False
            self._release(plane)
            self._end_stroke()

    def _on_hover(self, layer: Labels, event: Any) -> None:
        plane = self._target.plane()
        if self._dragging or plane is None or layer.mode != _MODE or plane.layer is not layer:
            return
        if not 0 <= layer.selected_label <= IGNORE:
            return
        self._hover(plane, _place(layer, event), "Shift" in event.modifiers)

    def _on_mode(self) -> None:
        if self._layer is None:
            return
        if self._layer.mode == _MODE:
            self._take_over()
        elif self._space and self._layer.mode == _PAN:
            self._sketch.clear_patch()
        else:
            self.off()
            self.ended.emit()

    def _on_visible(self) -> None:
        if self._layer is not None and not self._layer.visible:
            self.off()
            self.ended.emit()

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
            self.off()
            self.ended.emit()

    def _take_over(self) -> None:
        """Keep napari's polygon from drawing, and show our cursor."""
        self._layer._overlays["polygon"].enabled = False
        self._layer.cursor = self.cursor
        self._layer.brush_size = self._layer.brush_size  # sets the size of a round cursor

    def _keys(self) -> tuple[Any, Any]:
        """Where keys for the canvas arrive, from wherever in the window they come."""
        events = self._viewer.window._qt_viewer.canvas._scene_canvas.events
        return events.key_press, events.key_release


class SmartBrush(CanvasTool):
    """Paints what looks like the place where the stroke began; Shift erases it. Shows what it would paint."""

    cursor = "circle"

    def __init__(self, target: Target, viewer: Any, tolerance: Callable[[], float]) -> None:
        """tolerance : 0..1, see core.brush."""
        super().__init__(target, viewer)
        self._tolerance = tolerance
        self._history: AbstractContextManager[None] | None = None
        self._at = np.zeros(2)
        self._seed = 0.0
        self._label = 0

    def _begin(self, plane: Plane, at: np.ndarray, shift: bool) -> bool:
        if plane.image is None:
            return False
        self._label = 0 if shift else int(plane.layer.selected_label)
        self._seed = seed_at(plane.image, tuple(at))
        self._history = plane.layer.block_history()
        self._history.__enter__()
        self._paint(plane, [at])
        self._at = at
        return True

    def _move(self, plane: Plane, at: np.ndarray) -> None:
        way = at - self._at
        length = float(np.hypot(*way))
        step = max(1.0, plane.layer.brush_size / 4, length / _AT_ONCE)
        count = max(1, round(length / step))
        self._paint(plane, [self._at + way * k / count for k in range(1, count + 1)])
        self._at = at

    def _release(self, plane: Plane) -> None:
        pass

    def _end_stroke(self) -> None:
        history, self._history = self._history, None
        if history is not None:
            history.__exit__(None, None, None)
            if self._layer is not None:
                self._layer.refresh(extent=False)  # for the thumbnail

    def _hover(self, plane: Plane, at: np.ndarray, shift: bool) -> None:
        if plane.image is None:
            return
        label = 0 if shift else int(plane.layer.selected_label)
        change = self._touch(plane, plane.labels(), at, label, None)
        if not len(change):
            self._sketch.clear_patch()
            return
        rows, columns = change.indices()
        corner = (int(rows.min()), int(columns.min()))
        pixels = np.zeros((int(rows.max()) - corner[0] + 1, int(columns.max()) - corner[1] + 1), bool)
        pixels[rows - corner[0], columns - corner[1]] = True
        self._sketch.patch(plane.layer, corner, pixels, _sketch_colour(plane.layer, label))

    def _paint(self, plane: Plane, places: list[np.ndarray]) -> None:
        labels = plane.labels()
        touched = [self._touch(plane, labels, at, self._label, self._seed) for at in places]
        flat = np.unique(np.concatenate([change.flat for change in touched]))
        put(plane.layer, plane.lead, Change(labels.shape, flat, np.full(len(flat), self._label, np.uint8)))

    def _touch(
        self, plane: Plane, labels: np.ndarray, at: np.ndarray, label: int, seed: float | None
    ) -> Change:
        radius = max(0.5, plane.layer.brush_size / 2)
        where = (float(at[0]), float(at[1]))
        return smart_disc(
            plane.image,
            plane.probability,
            labels,
            where,
            radius,
            label,
            self._tolerance(),
            seed,
            plane.threshold,
        )


class FreeLine(CanvasTool):
    """Draws a line, and tells it at the end. drawn : (Plane, points (N, 2), whether Shift was held)."""

    drawn = Signal(object, object, bool)

    def __init__(self, target: Target, viewer: Any, closed: bool) -> None:
        """closed : a lasso; otherwise a scribble."""
        super().__init__(target, viewer)
        self._closed = closed
        self._points: list[np.ndarray] = []
        self._shift = False

    def keep(self, plane: Plane, points: np.ndarray) -> None:
        """Go on showing a finished line, until the next one or `clear`."""
        self._sketch.line(plane.layer, points, YELLOW, self._closed)

    def clear(self) -> None:
        """Show no line."""
        self._sketch.clear()

    def _begin(self, plane: Plane, at: np.ndarray, shift: bool) -> bool:
        self._points, self._shift = [at], shift
        return True

    def _move(self, plane: Plane, at: np.ndarray) -> None:
        self._points.append(at)
        self._sketch.line(plane.layer, np.array(self._points), YELLOW, False)

    def _release(self, plane: Plane) -> None:
        self._sketch.clear()
        self.drawn.emit(plane, np.array(self._points), self._shift)


def _place(layer: Labels, event: Any) -> np.ndarray:
    """(row, column) of the mouse, in pixels of the layer's slice."""
    return np.asarray(layer.world_to_data(event.position), float)[-2:]


def _sketch_colour(layer: Labels, label: int) -> np.ndarray:
    """Of what would be painted with `label`: brighter than the mask, so that it can be told from it."""
    if label == 0:
        return np.array([1.0, 0.25, 0.2, _SKETCH_ALPHA])
    colour = np.array(layer.get_color(label), float)
    colour[:3] = 0.5 + 0.5 * colour[:3]
    colour[3] = _SKETCH_ALPHA
    return colour
