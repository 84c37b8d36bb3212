"""L and R, A and P, S and I on the canvas: where the patient's sides are, however the view is turned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from napari import Viewer
from napari.components.overlays import TextOverlay
from napari.layers import Image

from napari_unet.core.orientation import OPPOSITE, axes_towards, sides
from napari_unet.core.raster import Modality
from napari_unet.widgets.common.layers import is_image
from napari_unet.widgets.viewing.layers_in_view import (
    Connections,
    header_of,
    images_in_view,
    step_on_canvas,
)

LATERAL_VIEWS = ("LL", "RL")
_PLACES = ("middle_left", "middle_right", "top_center", "bottom_center")
_PREFIX = "napari_unet_"
HEAD_FIRST = "slices run from the head to the feet"
"""Of series whose rows run to the patient's right; of all others, slice 1 is the one nearest to the feet."""


@dataclass(frozen=True)
class Marks:
    """What the canvas shows: letters at two opposite edges, and a line of text above.

    edges : (position on the canvas, letter), two or four of them, or empty where nothing is known of the
        sides in the plane of the view.
    """

    edges: tuple[tuple[str, str], ...] = ()
    caption: str = ""

    def with_axis(self, letter: str, step: tuple[float, float]) -> Marks:
        """These and those of an axis that leads to `letter` and along `step` on the canvas."""
        if step == (0.0, 0.0):
            return self
        taken = dict(self.edges)
        more = (edge for edge in _edges(OPPOSITE[letter], letter, step) if edge[0] not in taken)
        return replace(self, edges=(*self.edges, *more))

    def said(self, more: str) -> Marks:
        """These with more in their caption."""
        return replace(self, caption=" · ".join(filter(None, (self.caption, more))))


def marks_of(header: dict[str, Any], step: tuple[float, float]) -> Marks:
    """Marks for an image with this header whose X axis runs along `step` (down, right) on the canvas.

    Where the header does not say which side is which, the patient's right is taken to be where X begins, and
    the caption says that this is assumed. A side view and an electron micrograph have no such sides.
    """
    view = str(header.get("view", ""))
    direction = header.get("row_direction")
    sideless = view in LATERAL_VIEWS or header.get("modality") == Modality.EM
    if step == (0.0, 0.0) or (direction is None and sideless):
        return Marks(caption=view)
    side = sides(direction)
    said = [view, "L and R assumed" if side.assumed else ""]
    return Marks(_edges(side.at_left, side.at_right, step), " · ".join(filter(None, said)))


def _edges(begin: str, end: str, step: tuple[float, float]) -> tuple[tuple[str, str], ...]:
    """Letters of an axis from `begin` to `end` that runs along `step` on the canvas."""
    down, right = step
    level = abs(right) >= abs(down)
    positions = ("middle_left", "middle_right") if level else ("top_center", "bottom_center")
    forwards = (right if level else down) > 0
    letters = (begin, end) if forwards else (end, begin)
    return tuple(zip(positions, letters, strict=True))


class OrientationMarks:
    """Keeps the marks of the image in view on the canvas of one viewer, as napari text overlays.

    They are drawn by napari with the image, so that they are on every screenshot. In 3D there are none; in
    grid mode only while all images agree.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._letters = tuple(TextOverlay(font_size=18) for _ in _PLACES)
        self._caption = TextOverlay(font_size=10, position="top_center")
        self._named = {f"{_PREFIX}caption": self._caption}
        self._named |= {f"{_PREFIX}{number}": letter for number, letter in enumerate(self._letters)}
        viewer.canvas.overlays.update(self._named)
        layers, changed = viewer.layers, viewer.layers.events
        self._events = Connections()
        self._events.add(self._on_layers, changed.inserted, changed.removed, changed.reordered)
        self._events.add(
            self.refresh,
            layers.selection.events.active,
            viewer.dims.events.order,
            viewer.dims.events.ndisplay,
            viewer.scene.camera.events.orientation,
            viewer.canvas.grid.events.enabled,
        )
        self._layer_events = Connections()
        self._on_layers()

    def remove(self) -> None:
        """Take the marks off the canvas."""
        self._events.close()
        self._layer_events.close()
        for name in self._named:
            self._viewer.canvas.overlays.pop(name, None)

    def refresh(self) -> None:
        """Bring the marks up to date. Needed by hand only after `layer.metadata` was changed in place."""
        marks = self._marks()
        rest = ((place, "") for place in _PLACES if place not in dict(marks.edges))
        for overlay, (position, letter) in zip(self._letters, (*marks.edges, *rest), strict=True):
            overlay.position = position
            _say(overlay, letter)
        _say(self._caption, marks.caption)
        for overlay in self._named.values():
            overlay.gridded = self._viewer.canvas.grid.enabled

    def _marks(self) -> Marks:
        images = [image for image in images_in_view(self._viewer) if is_image(image)]
        if not images or self._viewer.dims.ndisplay != 2:
            return Marks()
        if self._viewer.canvas.grid.enabled:
            all_marks = {self._marks_of(image) for image in images}
            return all_marks.pop() if len(all_marks) == 1 else Marks()
        return self._marks_of(images[0])

    def _marks_of(self, image: Image) -> Marks:
        header = header_of(image)
        marks = marks_of(header, step_on_canvas(self._viewer, image))
        towards = axes_towards(header.get("affine")) if image.ndim == 3 else None
        if towards is not None:
            for axis, letter in enumerate(towards):
                step = step_on_canvas(self._viewer, image, axis)
                marks = marks.with_axis(letter, step)
                if step == (0.0, 0.0) and letter == "I":
                    marks = marks.said(HEAD_FIRST)
        return marks

    def _on_layers(self) -> None:
        self._layer_events.close()
        for layer in self._viewer.layers:
            if isinstance(layer, Image):
                changed = layer.events
                turned = (changed.scale, changed.rotate, changed.shear, changed.affine)
                self._layer_events.add(self.refresh, changed.visible, changed.metadata, *turned)
        self.refresh()


def _say(overlay: TextOverlay, text: str) -> None:
    overlay.text = text
    overlay.visible = bool(text)
