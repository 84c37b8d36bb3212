"""Window and level by right-drag, inverted grey, and the way back."""

from __future__ import annotations

from weakref import WeakSet

import numpy as np
from napari import Viewer
from napari.layers import Image
from napari.utils.notifications import show_info

from napari_unet.core.raster import Modality
from napari_unet.core.window import Window, full_window, opening_window
from napari_unet.widgets.viewing.canvas_mouse import CanvasMouse, Drag
from napari_unet.widgets.viewing.layers_in_view import header_of, is_grey, window_image


class WindowLevel:
    """Right-drag on the canvas: left and right change the window, up and down the level.

    It does so whatever tool is on (see `CanvasMouse`). In 3D and with a modifier key, with no tool on, and on
    colour images napari's own right-drag (zoom) goes on.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._inverted: WeakSet[Image] = WeakSet()
        self._mouse = CanvasMouse(viewer, self._drag)

    def remove(self) -> None:
        """Give the right button back to napari. A drag under way ends."""
        self._mouse.remove()

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
        """Back to the window that the image opened with: its header's, or all values; grey as it was."""
        image = self._image()
        if image is None:
            return
        data, window = _data_window(image), _opening_window(image)
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

    def _drag(self) -> Drag | None:
        """Changes the window of the image that the user means; None if there is none to change."""
        image = window_image(self._viewer)
        return None if image is None else self._changing(image)

    def _changing(self, image: Image) -> Drag:
        start, data = Window(*image.contrast_limits), _data_window(image)
        while True:
            right, down = yield
            if image not in self._viewer.layers:
                return
            window = start.dragged(right, down, data)
            image.contrast_limits = (window.low, window.high)


def _data_window(image: Image) -> Window:
    if isinstance(image.data, np.ndarray):
        return full_window(image.data, header_of(image).get("padding"))
    return Window(*image.contrast_limits_range)


def _opening_window(image: Image) -> Window:
    if not isinstance(image.data, np.ndarray):
        return _data_window(image)
    header = header_of(image)
    modality = header.get("modality", Modality.UNKNOWN)
    return opening_window(image.data, header.get("window"), modality, header.get("padding"))
