"""Of a layer: its mouse mode. napari takes no tools of others; ours build on one of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import MethodType
from typing import Any

from napari.layers import Labels, Layer

_SETS = "_mode_setter_helper"


class ModeRequests:
    """Receives every mode that is asked for on `layer`, also of the one that is on: napari's event does not.

    asked(mode) : gets its name; `grant` with this name sets it. Until `end`.
    """

    def __init__(self, layer: Layer, asked: Callable[[str], Any]) -> None:
        self._layer = layer
        self._plain = getattr(layer, _SETS, None)
        if self._plain is not None:
            setattr(layer, _SETS, MethodType(lambda layer, mode: asked(mode_named(layer, mode)), layer))

    def grant(self, mode: str) -> Any:
        """What napari would have done; also after `end`."""
        return None if self._plain is None else self._plain(mode)

    def end(self) -> None:
        """Leave the layer to napari again."""
        vars(self._layer).pop(_SETS, None)


def mode_named(layer: Layer, mode: Any) -> str:
    """A mode as the layer's own word for it: napari takes members, names, and names in capitals."""
    return str(layer._modeclass(mode))


def set_hidden_mode(layer: Layer, mode: str) -> None:
    """The mode that a hidden layer has once it is shown: setting `mode` is ignored until then."""
    with suppress(AttributeError):
        layer._visible_mode = layer._modeclass(mode)


def stop_polygon(layer: Labels) -> None:
    """Keep napari from drawing its polygon in polygon mode: it has no switch for it."""
    layer._overlays["polygon"].enabled = False


def is_drawing_freehand(layer: Any) -> bool:
    """Whether napari's freehand stroke goes on after the button was released; False if it is not known."""
    stroke = layer._overlays.get("brush_stroke") if isinstance(layer, Labels) else None
    return bool(getattr(stroke, "active", False))
