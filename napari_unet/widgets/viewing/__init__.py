"""Looking at X-rays in napari: window and level, inverted grey, outlines, L and R on the canvas.

`install_viewing(viewer)` is called by a dock when it opens; everything goes with `Viewing.remove()`.
"""

from __future__ import annotations

from functools import partial
from weakref import WeakValueDictionary

from napari import Viewer

from napari_unet.core.window_presets import CT_PRESETS
from napari_unet.widgets.common.mouse_mode import light
from napari_unet.widgets.napari_compat.scene import SceneCleaning
from napari_unet.widgets.napari_compat.window import real_viewer
from napari_unet.widgets.viewing.canvas_slices import CanvasSlices
from napari_unet.widgets.viewing.canvas_wheel import CanvasWheel
from napari_unet.widgets.viewing.image_in_view import ImageInView
from napari_unet.widgets.viewing.keys import (
    CT_WINDOWS,
    HINTS,
    INVERT,
    OUTLINE,
    PRESET,
    RESET,
    Hint,
    ViewerKeys,
)
from napari_unet.widgets.viewing.layers_in_view import Connections
from napari_unet.widgets.viewing.orientation_marks import OrientationMarks
from napari_unet.widgets.viewing.outlines import MaskOutlines
from napari_unet.widgets.viewing.upright import UprightView
from napari_unet.widgets.viewing.window_level import WindowLevel
from napari_unet.widgets.viewing.window_text import WindowText

__all__ = ["HINTS", "Hint", "Viewing", "install_viewing"]

# By id: a viewer holds its Viewing (through its keys), so that both go together.
_installed: WeakValueDictionary[int, Viewing] = WeakValueDictionary()


def install_viewing(viewer: Viewer) -> Viewing:
    """The viewing tools of a viewer, installed if they are not there yet."""
    viewer = real_viewer(viewer)
    there = _installed.get(id(viewer))
    if there is None:
        there = _installed[id(viewer)] = Viewing(viewer)
    return there


class Viewing:
    """The viewing tools of one viewer. Made by `install_viewing`."""

    hints = HINTS

    def __init__(self, viewer: Viewer) -> None:
        self._id = id(viewer)
        self._cleaning = SceneCleaning(viewer)
        self.image = ImageInView(viewer)
        self.window_level = WindowLevel(viewer)
        self._wheel = CanvasWheel(viewer)
        self._slices = CanvasSlices(viewer)
        self.numbers = WindowText(viewer, self.window_level.in_words)
        self.outlines = MaskOutlines(viewer)
        self.upright = UprightView(viewer)
        self.marks = OrientationMarks(viewer)
        self._lights = Connections()
        self._lights.add(lambda event: light(viewer, event.value), viewer.layers.events.inserted)
        self._keys = ViewerKeys(
            viewer,
            {
                INVERT: lambda: self.window_level.invert(),
                RESET: lambda: self.window_level.reset(),
                PRESET: lambda: self.window_level.next_preset(),
                OUTLINE: lambda: self.outlines.switch(),
                **{
                    key: partial(self.window_level.use_of_ct, preset)
                    for key, preset in zip(CT_WINDOWS, CT_PRESETS, strict=True)
                },
            },
        )

    def remove(self) -> None:
        """Undo all that was bound to the viewer. Once is enough; more does no harm."""
        if _installed.pop(self._id, None) is None:
            return
        self._lights.close()
        for part in (
            self._keys,
            self.marks,
            self.upright,
            self.outlines,
            self.numbers,
            self._slices,
            self._wheel,
            self.window_level,
            self.image,
            self._cleaning,
        ):
            part.remove()
