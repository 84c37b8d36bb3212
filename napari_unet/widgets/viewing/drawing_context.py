"""What napari tells the graphics driver when a layer goes is told in the OpenGL context of the canvas."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from napari import Viewer

# Since napari/napari#8122 napari flushes vispy's queue as soon as a layer is gone, in whichever context is
# current (so in 0.9.2). Outside a paint event that is the one in which Qt puts the window together: shaders
# that the canvas still uses are deleted there, and a later paint of the canvas crashes in glDrawArrays. The
# method that does it is private; a napari without it goes its own way.
_FLUSHES = "_clean_and_update_scenegraph"


class DrawingContext:
    """Makes the canvas's context current before napari cleans up after layers."""

    def __init__(self, viewer: Viewer) -> None:
        self._canvas: Any = None
        with suppress(AttributeError, RuntimeError):  # a viewer without a window
            self._canvas = viewer.window._qt_viewer.canvas
        canvas = self._canvas
        flushes = getattr(canvas, _FLUSHES, None)
        if flushes is None:
            return

        def in_its_context() -> None:
            with suppress(AttributeError, RuntimeError):  # the canvas is closed
                canvas._scene_canvas.set_current()
            flushes()

        setattr(canvas, _FLUSHES, in_its_context)

    def remove(self) -> None:
        """Leave it to napari again."""
        if self._canvas is not None:
            vars(self._canvas).pop(_FLUSHES, None)
