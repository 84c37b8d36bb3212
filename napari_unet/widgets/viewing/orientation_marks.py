"""L and R on the canvas: which side of the patient is where, however the view is turned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari import Viewer
from napari.components.overlays import TextOverlay
from napari.layers import Image

from napari_unet.core.orientation import sides
from napari_unet.core.raster import Modality
from napari_unet.widgets.layers import is_image
from napari_unet.widgets.viewing.layers_in_view import (
    Connections,
    header_of,
    images_in_view,
    step_on_canvas,
)

LATERAL_VIEWS = ("LL", "RL")
_PREFIX = "napari_unet_"


@dataclass(frozen=True)
class Marks:
    """What stands on the canvas: letters at two opposite edges, and a line of text above.

    edges : (position on the canvas, letter) twice, or empty where left and right are not in the plane of the
        view.
    """

    edges: tuple[tuple[str, str], ...] = ()
    caption: str = ""


def marks_of(header: dict[str, Any], step: tuple[float, float]) -> Marks:
    """Marks for an image with this header whose X axis runs along `step` (down, right) on the canvas.

    Where the header does not say which side is which, the patient's right is taken to be where X begins, and
    the caption says that this is assumed. A side view and an electron micrograph have no such sides.
    """
    view = str(header.get("view", ""))
    towards = header.get("columns_towards")
    sideless = view in LATERAL_VIEWS or header.get("modality") == Modality.EM
    if step == (0.0, 0.0) or (towards is None and sideless):
        return Marks(caption=view)
    side = sides(towards)
    down, right = step
    level = abs(right) >= abs(down)
    positions = ("middle_left", "middle_right") if level else ("top_center", "bottom_center")
    forwards = (right if level else down) > 0
    letters = (side.at_left, side.at_right) if forwards else (side.at_right, side.at_left)
    said = [view, "L and R assumed" if side.assumed else ""]
    return Marks(tuple(zip(positions, letters, strict=True)), " · ".join(filter(None, said)))


class OrientationMarks:
    """Keeps the marks of the image in view on the canvas of one viewer, as napari text overlays.

    They are drawn by napari with the image, so that they are on every screenshot. In 3D there are none; in
    grid mode only while all images agree.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._letters = (TextOverlay(font_size=18), TextOverlay(font_size=18))
        self._caption = TextOverlay(font_size=10, position="top_center")
        first, second = self._letters
        self._named = {
            f"{_PREFIX}caption": self._caption,
            f"{_PREFIX}first": first,
            f"{_PREFIX}second": second,
        }
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
        edges = marks.edges or (("middle_left", ""), ("middle_right", ""))
        for overlay, (position, letter) in zip(self._letters, edges, strict=True):
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
        return marks_of(header_of(image), step_on_canvas(self._viewer, image))

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
