"""Which layers the viewing tools act on, and how they lie on the canvas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Image, Layer

from napari_unet.io.layer_data import HEADER
from napari_unet.widgets.common.layers import image_of, is_image
from napari_unet.widgets.common.sources import MAP

GREY = ("gray", "gray_r")


def is_grey(image: Image) -> bool:
    """Whether an image is shown in grey, inverted or not."""
    return not image.rgb and image.colormap.name in GREY


def images_in_view(viewer: Viewer) -> list[Image]:
    """The visible images, the one that the user means first.

    That is the active layer if it is an image, or the image that it was made of; then those under the active
    layer, topmost first; then those above it.
    """
    layers = list(viewer.layers)
    active = viewer.layers.selection.active
    at = layers.index(active) if active in layers else len(layers) - 1
    order = [*layers[at::-1], *layers[:at:-1]]
    found = [layer for layer in order if isinstance(layer, Image) and layer.visible]
    meant = image_of(active)
    if meant in found:
        found.remove(meant)
        found.insert(0, meant)
    return found


def window_image(viewer: Viewer) -> Image | None:
    """The image whose window and level the user means: the active one, otherwise the one under the mask.

    A picture that is only shown, with the contours of two models say, is meant where there is no other.
    """
    images = images_in_view(viewer)
    active = viewer.layers.selection.active
    if active in images and not active.rgb and is_image(active):
        return active
    for image in images:
        if not image.rgb and (image is active or is_image(image)):
            return image
    return next((one for one in images if not one.rgb and one.metadata.get(MAP) == "preview"), None)


def header_of(layer: Layer) -> dict[str, Any]:
    """What is known about a layer beside its pixels (`Raster.header()`); empty if nothing is."""
    header = layer.metadata.get(HEADER)
    return header if isinstance(header, dict) else {}


def step_on_canvas(viewer: Viewer, layer: Layer, axis: int = -1) -> tuple[float, float]:
    """Where one step along a data axis leads on the canvas: (down, right), in world units.

    Takes every transform of the layer, the order of the axes and the direction of the view into account;
    (0, 0) if the axis leads into the screen. 2D view only.
    """
    start = np.zeros(layer.ndim)
    end = start.copy()
    end[axis] = 1
    step = np.zeros(viewer.dims.ndim)
    step[viewer.dims.ndim - layer.ndim :] = np.subtract(layer.data_to_world(end), layer.data_to_world(start))
    down, right = step[list(viewer.dims.displayed[-2:])]
    if np.hypot(down, right) < 0.5 * np.linalg.norm(step):
        return 0.0, 0.0
    vertical, horizontal = viewer.scene.camera.orientation2d
    return float(down if vertical == "down" else -down), float(right if horizontal == "right" else -right)


class Connections:
    """Event connections that end together."""

    def __init__(self) -> None:
        self._made: list[tuple[Any, Callable[..., None]]] = []

    def add(self, callback: Callable[..., None], *emitters: Any) -> None:
        """Call `callback` at each of the events, after napari has done its own part."""
        for emitter in emitters:
            emitter.connect(callback, position="last")
            self._made.append((emitter, callback))

    def close(self) -> None:
        """Disconnect all."""
        for emitter, callback in self._made:
            emitter.disconnect(callback)
        self._made.clear()
