"""Who has the left button on a mask: a tool of napari's, or one of ours. What is lit follows from it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import MethodType
from typing import Any
from weakref import WeakSet

from napari.layers import Labels, Layer

HOST, PAN = "polygon", "pan_zoom"
"""napari's mode below a tool of ours: it does not pan, and it draws nothing once its overlay is off."""

_ASKED = "_mode_setter_helper"  # napari asks it about every mode that is set, also one that is on already
_ours: WeakSet[Labels] = WeakSet()


def has_our_tool(layer: Layer) -> bool:
    """Whether a tool of ours has the left button on `layer`: its mode is not what it seems then."""
    return layer in _ours


class OurMode:
    """Keeps a mask layer for a tool of ours: napari's buttons are out meanwhile.

    Whoever asks napari for its polygon, by key, button or in a script, gets it, and `ended` is called: the
    layer is in that mode already, so that napari would say nothing. Space held moves the view as always.
    """

    def __init__(self, viewer: Any, layer: Labels, ended: Callable[[], None]) -> None:
        self._viewer = viewer
        self._layer = layer
        self._ended = ended
        self._coming_back = False
        layer.mode = HOST
        _ours.add(layer)
        self._plain = getattr(layer, _ASKED, None)
        if self._plain is not None:
            setattr(layer, _ASKED, MethodType(lambda _layer, mode: self._asked(mode), layer))
        self.settle()

    def settle(self) -> None:
        """The layer is in the mode of our tool (again): keep napari's polygon from drawing, and unlit."""
        self._coming_back = False
        self._layer._overlays["polygon"].enabled = False
        unlight(self._viewer, self._layer)

    def release(self) -> None:
        """Give the layer back to napari, with no tool on if ours was."""
        layer = self._layer
        _ours.discard(layer)
        vars(layer).pop(_ASKED, None)
        if not layer.visible:
            with suppress(AttributeError):
                layer._visible_mode = layer._modeclass(PAN)  # napari would bring its polygon when it is shown
        if layer.mode == HOST:
            layer.mode = PAN
        light(self._viewer, layer)

    def _asked(self, mode: Any) -> Any:
        layer = self._layer
        if str(layer._modeclass(mode)) == HOST:
            if str(layer.mode) != HOST:
                self._coming_back = True  # Space is let go
            elif not self._coming_back:
                self._ended()
                return layer._mode_setter_helper(mode)
        return self._plain(mode)


def light(viewer: Any, layer: Layer) -> None:
    """Light the button of the tool that is on, in napari's controls of `layer`."""
    if layer in _ours:
        return
    controls = _controls(viewer, layer)
    for mode, button in getattr(controls, "_MODE_BUTTONS", {}).items():
        if str(mode) == str(layer.mode) and not button.isChecked():
            button.setChecked(True)


def unlight(viewer: Any, layer: Layer) -> None:
    """No button in napari's controls of `layer` is lit."""
    group = getattr(_controls(viewer, layer), "button_group", None)
    button = None if group is None else group.checkedButton()
    if button is not None:
        group.setExclusive(False)
        button.setChecked(False)
        group.setExclusive(True)


def _controls(viewer: Any, layer: Layer) -> Any:
    """napari's controls of a layer; None if this napari keeps them elsewhere: it lights them itself then."""
    with suppress(AttributeError, RuntimeError):
        return viewer.window._qt_viewer.controls.widgets.get(layer)
    return None
