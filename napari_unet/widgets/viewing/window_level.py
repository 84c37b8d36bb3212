"""Window and level by right-drag, inverted grey, and the way back."""

from __future__ import annotations

from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from napari import Viewer
from napari.layers import Image
from napari.utils.notifications import show_info

from napari_unet.core.raster import Modality
from napari_unet.core.window import Window, full_window, opening_window
from napari_unet.core.window_presets import CT_PRESETS, Preset, presets
from napari_unet.io.arriving import ArrivingSeries
from napari_unet.widgets.viewing.canvas_mouse import CanvasMouse, Drag
from napari_unet.widgets.viewing.layers_in_view import header_of, is_grey, window_image

_offered: WeakKeyDictionary[Image, tuple[object, tuple[Preset, ...]]] = WeakKeyDictionary()


class WindowLevel:
    """Right-drag on the canvas: left and right change the window, up and down the level.

    It does so whatever tool is active (see `CanvasMouse`). In 3D, with a modifier key, without a tool, and on
    colour images napari's own right-drag (zoom) goes on.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._inverted: WeakSet[Image] = WeakSet()
        self._last: WeakKeyDictionary[Image, int] = WeakKeyDictionary()  # where equal windows have two names
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
            show_info(f"“{image.name}” is shown in colours: only greyscale images can be inverted.")
            return
        self._swap(image)

    def reset(self) -> None:
        """Back to the window that the image opened with (`core.window.opening_window`); grey as it was."""
        image = self._image()
        if image is None:
            return
        _show(image, _opening_window(image))
        if image in self._inverted and is_grey(image):
            self._swap(image)

    def presets(self) -> tuple[Preset, ...]:
        """The windows that are offered for the image in view; none without an image."""
        image = window_image(self._viewer)
        return () if image is None else _presets(image)

    def use(self, preset: Preset) -> None:
        """Show the image in view with this window."""
        image = self._image()
        if image is not None:
            _show(image, preset.window)

    def use_of_ct(self, preset: Preset) -> None:
        """Show the image in view with this window, if it is a CT; else say why not."""
        image = self._image()
        if image is None:
            return
        if preset in _presets(image):
            self._last[image] = _presets(image).index(preset)
            _show(image, preset.window)
        else:
            show_info(f"“{image.name}” is not a CT: it has no {preset.name} window.")

    def next_preset(self) -> None:
        """Go on to the next of the windows that are offered, after the last one to the first."""
        image = self._image()
        if image is None:
            return
        offered = _presets(image)
        names = [preset.name for preset in offered]
        here = self.name_of(image)
        self._last[image] = at = (names.index(here) + 1 if here in names else 0) % len(offered)
        _show(image, offered[at].window)

    def name_of(self, image: Image) -> str:
        """The preset that `image` is shown with; "" if it is none."""
        here = tuple(image.contrast_limits)
        offered = _presets(image)
        first = offered[self._last.get(image, 0) % len(offered)]
        return next((one.name for one in (first, *offered) if _is_same(one.window, here)), "")

    def in_words(self, image: Image) -> str:
        """Window and level of `image` as numbers, with the name of the window if it has one.

        Of a volume it is below them: on one line it would run into the letter at the lower edge (P, I).
        """
        window, offered = Window(*image.contrast_limits), _presets(image)
        unit = " HU" if offered[0] in CT_PRESETS else ""
        name = self.name_of(image)
        text = f"W {window.text(window.width)}  L {window.text(window.level)}{unit}"
        between = "\n" if image.ndim > 2 else "  "
        return f"{text}{between}{name}" if name else text

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


def _show(image: Image, window: Window) -> None:
    data = _data_window(image)
    image.contrast_limits_range = (min(window.low, data.low), max(window.high, data.high))
    image.contrast_limits = (window.low, window.high)


def _presets(image: Image) -> tuple[Preset, ...]:
    """Looked for once for each image and what is known of it."""
    pixels = _pixels(image)
    if pixels is None:
        return (Preset("full range", _data_window(image)),)
    header = header_of(image)
    modality = header.get("modality", Modality.UNKNOWN)
    known = header.get("window"), modality, header.get("padding")
    kept = _offered.get(image)
    if kept is None or kept[0] != (id(image.data), *known):
        kept = _offered[image] = (id(image.data), *known), presets(pixels, *known)
    return kept[1]


def _is_same(window: Window, limits: tuple[float, float]) -> bool:
    near = 1e-3 * window.width
    return abs(window.low - limits[0]) <= near and abs(window.high - limits[1]) <= near


def _pixels(image: Image) -> np.ndarray | None:
    """In memory; of a series that is being read one slice stands for all. None if they are elsewhere."""
    data = image.data
    if isinstance(data, ArrivingSeries):
        return data.preview.pixels
    return data if isinstance(data, np.ndarray) else None


def _data_window(image: Image) -> Window:
    pixels = _pixels(image)
    if pixels is not None:
        return full_window(pixels, header_of(image).get("padding"))
    return Window(*image.contrast_limits_range)


def _opening_window(image: Image) -> Window:
    pixels = _pixels(image)
    if pixels is None:
        return _data_window(image)
    header = header_of(image)
    modality = header.get("modality", Modality.UNKNOWN)
    return opening_window(pixels, header.get("window"), modality, header.get("padding"))
