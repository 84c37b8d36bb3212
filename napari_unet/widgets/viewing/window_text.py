"""Window and level as numbers in a corner of the canvas."""

from __future__ import annotations

from collections.abc import Callable

from napari import Viewer
from napari.components.overlays import TextOverlay
from napari.layers import Image

from napari_unet.core.raster import Modality
from napari_unet.core.window import Window
from napari_unet.widgets.viewing.layers_in_view import Connections, header_of, window_image

NAME = "window_and_level"


class WindowText:
    """Shows the window and level of the image that the user means, and the name of a preset."""

    def __init__(self, viewer: Viewer, name_of: Callable[[Image], str]) -> None:
        """name_of : the preset that an image has now, "" for none."""
        self._viewer = viewer
        self._name_of = name_of
        self._text = TextOverlay(font_size=10, position="bottom_left")
        viewer.canvas.overlays[NAME] = self._text
        layers = viewer.layers
        self._events = Connections()
        self._events.add(
            self._on_layers, layers.events.inserted, layers.events.removed, layers.events.reordered
        )
        self._events.add(self.refresh, layers.selection.events.active)
        self._of_layers = Connections()
        self._on_layers()

    def remove(self) -> None:
        """Take the numbers off the canvas."""
        self._events.close()
        self._of_layers.close()
        self._viewer.canvas.overlays.pop(NAME, None)

    def refresh(self, _event: object = None) -> None:
        """Bring the numbers up to date."""
        image = window_image(self._viewer)
        text = "" if image is None else self._in_words(image)
        if text != self._text.text:
            self._text.text = text
        if bool(text) != self._text.visible:
            self._text.visible = bool(text)

    def _in_words(self, image: Image) -> str:
        window = Window(*image.contrast_limits)
        unit = " HU" if header_of(image).get("modality") == Modality.CT else ""
        name = self._name_of(image)
        return f"W {window.text(window.width)}  L {window.text(window.level)}{unit}" + (
            f"  {name}" if name else ""
        )

    def _on_layers(self, _event: object = None) -> None:
        self._of_layers.close()
        for layer in self._viewer.layers:
            if isinstance(layer, Image):
                changed = layer.events
                self._of_layers.add(self.refresh, changed.contrast_limits, changed.visible, changed.metadata)
        self.refresh()
