"""Layers that were in the viewer before the review: out of sight while it goes on."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from napari.layers import Layer


class OtherLayers:
    """Hides the layers of a viewer, and shows again those that it hid."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._hidden: WeakSet[Layer] = WeakSet()

    def hide(self) -> None:
        """Hide what can be seen now."""
        for layer in self._viewer.layers:
            if layer.visible:
                layer.visible = False
                self._hidden.add(layer)

    def show(self) -> None:
        """Show again what was hidden and is still there."""
        for layer in self._viewer.layers:
            if layer in self._hidden:
                layer.visible = True
        self._hidden.clear()
