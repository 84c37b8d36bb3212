"""Looking at X-rays in napari: window and level, inverted grey, outlines, L and R on the canvas.

`install_viewing(viewer)` is called by a dock when it opens; everything goes with `Viewing.remove()`.
"""

from __future__ import annotations

from weakref import WeakValueDictionary

from napari import Viewer

from napari_unet.widgets.viewing.drawing_context import DrawingContext
from napari_unet.widgets.viewing.keys import HINTS, INVERT, OUTLINE, RESET, Hint, ViewerKeys
from napari_unet.widgets.viewing.orientation_marks import OrientationMarks
from napari_unet.widgets.viewing.outlines import MaskOutlines
from napari_unet.widgets.viewing.window_level import WindowLevel

__all__ = ["HINTS", "Hint", "Viewing", "install_viewing"]

# By id: a viewer holds its Viewing (through its keys), so that both go together.
_installed: WeakValueDictionary[int, Viewing] = WeakValueDictionary()


def install_viewing(viewer: Viewer) -> Viewing:
    """The viewing tools of a viewer, installed if they are not there yet."""
    viewer = getattr(viewer, "__wrapped__", viewer)  # plug-in docks get a proxy
    there = _installed.get(id(viewer))
    if there is None:
        there = _installed[id(viewer)] = Viewing(viewer)
    return there


class Viewing:
    """The viewing tools of one viewer. Made by `install_viewing`."""

    hints = HINTS

    def __init__(self, viewer: Viewer) -> None:
        self._id = id(viewer)
        self._context = DrawingContext(viewer)
        self.window_level = WindowLevel(viewer)
        self.outlines = MaskOutlines(viewer)
        self.marks = OrientationMarks(viewer)
        self._keys = ViewerKeys(
            viewer,
            {
                INVERT: lambda: self.window_level.invert(),
                RESET: lambda: self.window_level.reset(),
                OUTLINE: lambda: self.outlines.switch(),
            },
        )

    def remove(self) -> None:
        """Undo all that was bound to the viewer. Once is enough; more does no harm."""
        if _installed.pop(self._id, None) is None:
            return
        for part in (self._keys, self.marks, self.outlines, self.window_level, self._context):
            part.remove()
