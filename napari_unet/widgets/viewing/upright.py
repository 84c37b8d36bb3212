"""Volumes seen from the front or the side stand upright, the head at the top; in 3D they are not mirrored."""

from __future__ import annotations

from typing import Any

from napari import Viewer
from napari.layers import Layer

from napari_unet.core.orientation import axes_towards, is_mirrored
from napari_unet.widgets.common.layers import image_of, is_image
from napari_unet.widgets.viewing.layers_in_view import (
    Connections,
    header_of,
    images_in_view,
    step_on_canvas,
)


class UprightView:
    """Turns the 2D view over where the patient would stand on the head, and back when that is over.

    Napari counts downwards, and the slices of most CTs are counted upwards. Where the header does not say
    which way the slices lead, and while slices are seen as they were taken, the view is left alone.
    In 3D the axis of depth is turned where the patient would be seen as in a mirror.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._before: Any = None  # the camera's orientation, while it is turned over
        self._depth: Any = None  # the way of its axis of depth, while that is turned
        layers = viewer.layers
        self._events, self._of_layers = Connections(), Connections()
        self._events.add(
            self._fit,
            viewer.dims.events.order,
            viewer.dims.events.ndisplay,
            layers.selection.events.active,
        )
        self._events.add(self._on_layers, layers.events.inserted, layers.events.removed)
        self._on_layers()

    def remove(self) -> None:
        """Follow no more; the view is as it was."""
        self._events.close()
        self._of_layers.close()
        self._turn(False)
        self._turn_depth(False)

    def _on_layers(self, _event: Any = None) -> None:
        self._of_layers.close()
        for layer in self._viewer.layers:
            self._of_layers.add(self._fit, layer.events.visible)
        self._fit()

    def _fit(self, _event: Any = None) -> None:
        flat = self._viewer.dims.ndisplay == 2
        self._turn(flat and self._is_on_the_head())
        self._turn_depth(not flat and self._is_mirrored())

    def _volume(self) -> tuple[Layer, Any] | None:
        """The volume in view and its affine; a mask that is seen alone has that of its image."""
        images = [one for one in images_in_view(self._viewer) if is_image(one)]
        for layer in images[:1] or [one for one in self._viewer.layers if one.visible]:
            affine = header_of(image_of(layer) or layer).get("affine")
            if affine is not None:
                return (layer, affine) if layer.ndim == 3 else None
        return None

    def _is_mirrored(self) -> bool:
        """Whether napari's own view in 3D has the other handedness than the patient."""
        volume = self._volume()
        return volume is not None and is_mirrored(volume[1], tuple(self._viewer.dims.displayed_order[-3:]))

    def _is_on_the_head(self) -> bool:
        volume = self._volume()
        if volume is None:
            return False
        layer, affine = volume
        for axis, letter in enumerate(axes_towards(affine) or ()):
            down, right = step_on_canvas(self._viewer, layer, axis)
            if letter in "SI" and abs(down) > abs(right):
                down = -down if self._before is not None else down  # as it would be in napari's own view
                return (down > 0) == (letter == "S")
        return False

    def _turn(self, over: bool) -> None:
        camera = self._viewer.scene.camera
        if over and self._before is None:
            self._before = camera.orientation2d
            vertical, horizontal = camera.orientation2d
            camera.orientation2d = ("up" if str(vertical) == "down" else "down", horizontal)
        elif not over and self._before is not None:
            camera.orientation2d, self._before = self._before, None

    def _turn_depth(self, over: bool) -> None:
        camera = self._viewer.scene.camera
        if over and self._depth is None:
            depth, *plane = camera.orientation
            self._depth = depth
            camera.orientation = ("away" if str(depth) == "towards" else "towards", *plane)
        elif not over and self._depth is not None:
            camera.orientation = (self._depth, *camera.orientation[1:])
            self._depth = None
