"""Events of the canvas, before napari gets them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from napari import Viewer
from qtpy.QtCore import QObject

from napari_unet.widgets.napari_compat.window import canvas_of


class CanvasFilter(QObject):
    """An event filter on the canvas of a viewer, from its making until `remove`."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._canvas: Any = canvas_of(viewer)
        if self._canvas is not None:
            self._canvas.installEventFilter(self)

    def remove(self) -> None:
        """Give the events back to napari."""
        canvas, self._canvas = self._canvas, None
        if canvas is not None:
            with suppress(RuntimeError):  # the window is gone
                canvas.removeEventFilter(self)
