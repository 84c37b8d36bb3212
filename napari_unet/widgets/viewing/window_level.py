"""Window and level by right-drag, inverted grey, and the way back."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any
from weakref import WeakSet

import numpy as np
from napari import Viewer
from napari.layers import Image
from napari.utils.notifications import show_info

from napari_unet.core.window import Window, full_window
from napari_unet.widgets.viewing.layers_in_view import header_of, is_grey, window_image

RIGHT_BUTTON = 2


class WindowLevel:
    """Right-drag on the canvas: left and right change the window, up and down the level.

    It stands back in 3D, with a modifier key, while a layer is painted on or transformed, and on colour
    images; there napari's own right-drag (zoom) goes on.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._inverted: WeakSet[Image] = WeakSet()
        viewer.mouse_drag_callbacks.append(self._drag)

    def remove(self) -> None:
        """Give the right button back to napari. A drag under way ends."""
        if self._drag in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._drag)

    def invert(self) -> None:
        """Swap black and white of the image in view; the window stays as it is."""
        image = self._image()
        if image is None:
            return
        if not is_grey(image):
            show_info(f"“{image.name}” is shown in colours: only grey images can be inverted.")
            return
        self._swap(image)

    def reset(self) -> None:
        """Back to the window of the file's header, otherwise to all values of the image; grey as it was."""
        image = self._image()
        if image is None:
            return
        data = _data_window(image)
        named = header_of(image).get("window")
        window = Window(*named) if named else data
        image.contrast_limits_range = (min(window.low, data.low), max(window.high, data.high))
        image.contrast_limits = (window.low, window.high)
        if image in self._inverted and is_grey(image):
            self._swap(image)

    def _image(self) -> Image | None:
        image = window_image(self._viewer)
        if image is None:
            show_info("There is no image in view. Open one, or make it visible.")
        return image

    def _swap(self, image: Image) -> None:
        image.colormap = "gray" if image.colormap.name == "gray_r" else "gray_r"
        self._inverted ^= {image}

    def _drag(self, viewer: Viewer, event: Any) -> Generator[None, None, None]:
        """napari calls this at the press and goes on with it at every move, until the release."""
        if event.button != RIGHT_BUTTON or event.modifiers or not self._is_free():
            return
        image = window_image(viewer)
        if image is None:
            return
        event.handled = True  # at the press: this is what keeps the camera from zooming
        start, data = Window(*image.contrast_limits), _data_window(image)
        height, width = viewer.canvas.size
        pressed = np.array(event.pos)
        yield
        while event.type == "mouse_move" and image in viewer.layers:
            if self._drag not in viewer.mouse_drag_callbacks:
                return
            right, down = (event.pos - pressed) / (width, height)
            window = start.dragged(right, down, data)
            image.contrast_limits = (window.low, window.high)
            yield

    def _is_free(self) -> bool:
        """Whether the mouse belongs to the view: nothing is being painted, moved or drawn."""
        active = self._viewer.layers.selection.active
        return self._viewer.dims.ndisplay == 2 and (active is None or active.mode == "pan_zoom")


def _data_window(image: Image) -> Window:
    if isinstance(image.data, np.ndarray):
        return full_window(image.data)
    return Window(*image.contrast_limits_range)
