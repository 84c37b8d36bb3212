"""Two clicks on the canvas: a line from one to the other, and lines that were measured before."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QObject, Signal

from napari_unet.core import palette
from napari_unet.core.errors import UserError
from napari_unet.review.types import Measurement
from napari_unet.widgets.common.layers import slice_in_view
from napari_unet.widgets.common.sketch import Sketch

COLOURS = {
    "distance": palette.YELLOW,
    "heart": palette.VERMILLION,
    "chest": palette.BLUISH_GREEN,
}
_LEFT = 1
_PAINTS = ("paint", "erase", "fill", "pick")

Points = tuple[tuple[float, float], tuple[float, float]]


class RulerTool(QObject):
    """Waits for two clicks on an image. Meanwhile the mask cannot be painted on, and the wheel still zooms.

    drawn : (Points, slice or None) in pixels of the image. ended : it waits no more, for whatever reason.
    """

    drawn = Signal(object, object)
    ended = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._sketch = Sketch(viewer)
        self._image: Image | None = None
        self._painted_on: tuple[Labels, str] | None = None
        self._followed: Layer | None = None
        self._first: tuple[float, float] | None = None
        self._colour = palette.YELLOW

    @property
    def is_on(self) -> bool:
        """Whether a click would measure."""
        return self._image is not None

    def measures(self, image: Image | None) -> bool:
        """Whether a click would measure on `image`."""
        return self._image is not None and self._image is image

    def on(self, image: Image, colour: str) -> None:
        """Measure a line on `image` with the next two clicks."""
        self.off()
        self._image, self._colour, self._first = image, colour, None
        active = self._viewer.layers.selection.active
        if isinstance(active, Labels) and active.mode != "pan_zoom":
            self._painted_on = (active, str(active.mode))
            active.mode = "pan_zoom"
        self._viewer.layers.selection.events.active.connect(self._on_active)
        self._follow(active)
        self._viewer.mouse_drag_callbacks.insert(0, self._on_press)
        self._viewer.mouse_move_callbacks.append(self._on_move)

    def off(self) -> None:
        """Give the mouse back, with the tool that was there before."""
        if self._image is None:
            return
        self._image = self._first = None
        self._viewer.layers.selection.events.active.disconnect(self._on_active)
        self._follow(None)
        self._sketch.clear()
        self._viewer.mouse_drag_callbacks.remove(self._on_press)
        self._viewer.mouse_move_callbacks.remove(self._on_move)
        painted_on, self._painted_on = self._painted_on, None
        if painted_on is not None:
            layer, mode = painted_on
            if mode in _PAINTS and layer in self._viewer.layers and layer.mode == "pan_zoom":
                layer.mode = mode
        self.ended.emit()

    def _follow(self, layer: Layer | None) -> None:
        """Receive a tool that is chosen on the active layer."""
        if self._followed is not None:
            self._followed.events.mode.disconnect(self._on_mode)
        self._followed = layer
        if layer is not None:
            layer.events.mode.connect(self._on_mode)

    def _on_active(self, _event: Any = None) -> None:
        self._follow(self._viewer.layers.selection.active)
        self._on_mode()

    def _on_mode(self, _event: Any = None) -> None:
        """One tool at a time: whoever chooses another one is not measuring any more."""
        layer = self._followed
        if layer is not None and str(layer.mode) != "pan_zoom":
            if self._painted_on is not None and self._painted_on[0] is layer:
                self._painted_on = None
            self.off()

    def _on_press(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        """A press that is released in the same place is a click; a drag moves the image as always."""
        if event.button != _LEFT or self._image is None:
            return
        pressed = np.array(event.pos)
        dragged = False
        yield
        while event.type == "mouse_move":
            dragged = dragged or float(np.abs(np.array(event.pos) - pressed).max()) > 3
            yield
        if not dragged and self._image is not None:
            self._click(self._image, _place(self._image, event))

    def _click(self, image: Image, at: tuple[float, float]) -> None:
        first = self._first
        if first is None:
            self._first = at
            return
        index = None
        if image.ndim > 2:
            try:
                index = slice_in_view(self._viewer, image)[-1]
            except UserError:  # seen from the side: there is no slice that the line lies in
                self.off()
                return
        self.off()
        self.drawn.emit((first, at), index)

    def _on_move(self, viewer: Any, event: Any) -> None:
        image = self._image
        if self._first is not None and image is not None and image in self._viewer.layers:
            self._sketch.line(image, np.array([self._first, _place(image, event)]), self._colour)


def _place(image: Image, event: Any) -> tuple[float, float]:
    """(row, column) of the mouse, in pixels of the image's slice."""
    row, column = image.world_to_data(np.asarray(event.position)[-image.ndim :])[-2:]
    return float(row), float(column)


class DrawnLines(QObject):
    """Shows the lines that were measured on an image, on their own slice of a stack."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._sketches: list[Sketch] = []
        self._image: Image | None = None
        self._lines: tuple[Measurement, ...] = ()
        viewer.dims.events.current_step.connect(self._draw)

    def show(self, image: Image | None, lines: tuple[Measurement, ...]) -> None:
        """Show `lines` over `image`, and no others."""
        self._image, self._lines = image, lines
        self._draw()

    def close(self) -> None:
        """Take the lines away and release the viewer."""
        self.show(None, ())
        self._viewer.dims.events.current_step.disconnect(self._draw)

    def _draw(self, event: Any = None) -> None:
        for sketch in self._sketches:
            sketch.clear()
        self._sketches = []
        if self._image is None or self._image not in self._viewer.layers or not self._lines:
            return
        here = None
        if self._image.ndim > 2:
            try:
                here = slice_in_view(self._viewer, self._image)[-1]
            except UserError:
                return
        for line in self._lines:
            if line.slice == here:
                sketch = Sketch(self._viewer)
                sketch.line(self._image, np.array(line.points), COLOURS.get(line.kind, palette.YELLOW))
                self._sketches.append(sketch)
