"""Hearing of all that a hand does to a mask layer."""

from __future__ import annotations

from collections.abc import Callable

from napari.layers import Labels


class StrokeFollower:
    """Calls when the layer that it follows is painted, when that is undone, and when it is redone."""

    def __init__(self, changed: Callable[[], object], painted: Callable[[], object] | None = None) -> None:
        """changed : after undo and redo, and after strokes and edits too if `painted` is not given."""
        self._changed = changed
        self._painted = changed if painted is None else painted
        self._layer: Labels | None = None

    def follow(self, layer: Labels | None) -> None:
        """Follow `layer` from now on, and no other; None: none."""
        if self._layer is not None:
            self._layer.events.paint.disconnect(self._on_paint)
            self._layer.events.set_data.disconnect(self._on_set_data)
        self._layer = layer
        if layer is not None:
            layer.events.paint.connect(self._on_paint)
            layer.events.set_data.connect(self._on_set_data)  # all that undo and redo report

    def _on_paint(self) -> None:
        self._painted()

    def _on_set_data(self) -> None:
        self._changed()
