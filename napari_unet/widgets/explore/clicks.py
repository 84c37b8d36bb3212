"""Clicks on the image and moves over it, while they are wanted; dragging moves the view as always."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from napari.layers import Image
from qtpy.QtCore import QObject, Signal

_LEFT_BUTTON = 1
_STILL = 4.0  # pixels of the canvas by which a click moves the mouse at most


class Clicks(QObject):
    """clicked, moved : row and column, in the image's own pixels, of a click on it, of the mouse over it."""

    clicked = Signal(int, int)
    moved = Signal(int, int)

    def __init__(self, viewer: Any, image: Callable[[], Image | None]) -> None:
        """image : what clicks are on now; None takes none."""
        super().__init__()
        self._viewer, self._image = viewer, image

    def switch(self, on: bool) -> None:
        """Listen for clicks, or no longer."""
        _switch(self._viewer.mouse_drag_callbacks, self._on_press, on)

    def follow(self, on: bool) -> None:
        """Listen for moves, or no longer."""
        _switch(self._viewer.mouse_move_callbacks, self._on_move, on)

    def _on_move(self, _viewer: Any, event: Any) -> None:
        layer = self._image()
        if layer is not None and (pixel := _pixel(layer, event)) is not None:
            self.moved.emit(*pixel)

    def _on_press(self, _viewer: Any, event: Any) -> Generator[None, None, None]:
        """napari calls this at the press and goes on with it at every move, until the release."""
        layer = self._image()
        if event.button != _LEFT_BUTTON or layer is None:
            return
        start = np.array(event.pos, float)
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.array(event.pos, float) - start).max() > _STILL:
            return
        if (pixel := _pixel(layer, event)) is not None:
            self.clicked.emit(*pixel)


def _switch(callbacks: Any, callback: Callable[..., Any], on: bool) -> None:
    if on and callback not in callbacks:
        callbacks.append(callback)
    elif not on and callback in callbacks:
        callbacks.remove(callback)


def _pixel(layer: Image, event: Any) -> tuple[int, int] | None:
    """Row and column under the mouse; None beside the image."""
    position = np.asarray(event.position)[-layer.ndim :]
    row, column = np.round(np.asarray(layer.world_to_data(position))[-2:]).astype(int).tolist()
    height, width = layer.data.shape[-2:]
    return (row, column) if 0 <= row < height and 0 <= column < width else None
