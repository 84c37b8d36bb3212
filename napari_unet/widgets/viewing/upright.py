"""Volumes seen from the front or the side stand upright: the head is at the top."""

from __future__ import annotations

from typing import Any

from napari import Viewer

from napari_unet.core.orientation import axes_towards
from napari_unet.widgets.common.layers import is_image
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
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._before: Any = None  # the camera's orientation, while it is turned over
        layers = viewer.layers
        self._events = Connections()
        self._events.add(
            self._fit,
            viewer.dims.events.order,
            viewer.dims.events.ndisplay,
            layers.events.inserted,
            layers.events.removed,
            layers.selection.events.active,
        )
        self._fit()

    def remove(self) -> None:
        """Follow no more; the view is as it was."""
        self._events.close()
        self._turn(False)

    def _fit(self, _event: Any = None) -> None:
        self._turn(self._viewer.dims.ndisplay == 2 and self._is_on_the_head())

    def _is_on_the_head(self) -> bool:
        image = next((one for one in images_in_view(self._viewer) if is_image(one)), None)
        if image is None or image.ndim != 3:
            return False
        towards = axes_towards(header_of(image).get("affine"))
        for axis, letter in enumerate(towards or ()):
            down, right = step_on_canvas(self._viewer, image, axis)
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
