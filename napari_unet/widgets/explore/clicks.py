"""Clicks on the image, while they are wanted; dragging moves the view as always."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from napari.layers import Image
from qtpy.QtCore import QObject, Signal

_LEFT_BUTTON = 1
_STILL = 4.0  # pixels of the canvas by which a click moves the mouse at most


class Clicks(QObject):
    """clicked : row and column in the image's own pixels, of a click on it."""

    clicked = Signal(int, int)

    def __init__(self, viewer: Any, image: Callable[[], Image | None]) -> None:
        """image : what clicks are on now; None takes none."""
        super().__init__()
        self._viewer, self._image = viewer, image

    def switch(self, on: bool) -> None:
        """Listen, or no longer."""
        callbacks = self._viewer.mouse_drag_callbacks
        if on and self._on_press not in callbacks:
            callbacks.append(self._on_press)
        elif not on and self._on_press in callbacks:
            callbacks.remove(self._on_press)

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
        position = np.asarray(event.position)[-layer.ndim :]
        row, column = np.round(np.asarray(layer.world_to_data(position))[-2:]).astype(int).tolist()
        height, width = layer.data.shape[-2:]
        if 0 <= row < height and 0 <= column < width:
            self.clicked.emit(row, column)
