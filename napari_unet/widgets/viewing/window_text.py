"""Window and level as numbers in a corner of the canvas."""

from __future__ import annotations

from collections.abc import Callable

from napari import Viewer
from napari.components.overlays import TextOverlay
from napari.layers import Image

from napari_unet.widgets.viewing.layers_in_view import Connections, window_image

NAME = "window_and_level"


class WindowText:
    """Shows the window and level of the image that the user means."""

    def __init__(self, viewer: Viewer, in_words: Callable[[Image], str]) -> None:
        """in_words : what is said of an image."""
        self._viewer = viewer
        self._in_words = in_words
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

    def _on_layers(self, _event: object = None) -> None:
        self._of_layers.close()
        for layer in self._viewer.layers:
            if isinstance(layer, Image):
                changed = layer.events
                self._of_layers.add(self.refresh, changed.contrast_limits, changed.visible, changed.metadata)
        self.refresh()
