"""Who has the left button on a mask: a tool of napari's, or one of ours. What is lit follows from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from napari.layers import Labels, Layer

from napari_unet.widgets.napari_compat.modes import ModeRequests, set_hidden_mode, stop_polygon
from napari_unet.widgets.napari_compat.window import mode_buttons, mode_group

HOST, PAN = "polygon", "pan_zoom"
"""napari's mode below a tool of ours: it does not pan, and it draws nothing once its overlay is off."""

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
        self._requests = ModeRequests(layer, self._asked)
        self.settle()

    def settle(self) -> None:
        """The layer is in the mode of our tool (again): keep napari's polygon from drawing, and unlit."""
        self._coming_back = False
        stop_polygon(self._layer)
        unlight(self._viewer, self._layer)

    def release(self) -> None:
        """Give the layer back to napari, with no tool on if ours was."""
        layer = self._layer
        _ours.discard(layer)
        self._requests.end()
        if not layer.visible:
            set_hidden_mode(layer, PAN)  # napari would bring its polygon when it is shown
        if layer.mode == HOST:
            layer.mode = PAN
        light(self._viewer, layer)

    def _asked(self, mode: str) -> Any:
        if mode == HOST:
            if str(self._layer.mode) != HOST:
                self._coming_back = True  # Space is released
            elif not self._coming_back:
                self._ended()
        return self._requests.grant(mode)


def light(viewer: Any, layer: Layer) -> None:
    """Light the button of the tool that is on, in napari's controls of `layer`."""
    if layer in _ours:
        return
    button = mode_buttons(viewer, layer).get(str(layer.mode))
    if button is not None and not button.isChecked():
        button.setChecked(True)


def unlight(viewer: Any, layer: Layer) -> None:
    """No button in napari's controls of `layer` is lit."""
    group = mode_group(viewer, layer)
    button = None if group is None else group.checkedButton()
    if group is not None and button is not None:
        group.setExclusive(False)
        button.setChecked(False)
        group.setExclusive(True)
