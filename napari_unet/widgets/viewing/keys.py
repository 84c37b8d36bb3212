"""Keys of the viewing tools, bound on the viewer while a dock of ours is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from napari import Viewer
from napari.utils.key_bindings import coerce_keybinding

from napari_unet.widgets.viewing.canvas_slices import NEXT_SLICE, PREVIOUS_SLICE


@dataclass(frozen=True)
class Hint:
    """A key or mouse movement, and what it does, as shown to the user."""

    gesture: str
    does: str


# Free in the viewer and in every kind of layer of napari 0.9: the keys of the active layer would go first.
INVERT, RESET, OUTLINE, PRESET = "G", "W", "H", "Shift+W"
CT_WINDOWS = ("8", "9", "0")
"""Keys of the windows of a CT, in the order of `CT_PRESETS`; side by side, and no layer has tools on them."""

HINTS = (
    Hint("Right-drag", "window (sideways) and level (up and down), whatever tool is active"),
    Hint("Middle-drag", "move the view, whatever tool is active"),
    Hint(INVERT, "invert grey"),
    Hint(RESET, "reset window, level and grey"),
    Hint(PRESET, "next window: lung, mediastinum, bone (CT only); the file's, automatic, full range"),
    Hint(CT_WINDOWS[0], "lung window of a CT"),
    Hint(CT_WINDOWS[1], "soft tissue window of a CT (mediastinum)"),
    Hint(CT_WINDOWS[2], "bone window of a CT"),
    Hint(OUTLINE, "mask filled or as outline"),
    Hint(PREVIOUS_SLICE, "previous slice; hold to keep scrolling"),
    Hint(NEXT_SLICE, "next slice; hold to keep scrolling"),
)


class ViewerKeys:
    """Binds functions to keys of one viewer; `remove` gives the keys back to whoever had them."""

    def __init__(self, viewer: Viewer, functions: Mapping[str, Callable[[], None]]) -> None:
        self._viewer = viewer
        self._bound = {key: _ignoring_viewer(function) for key, function in functions.items()}
        self._before = {
            key: viewer.bind_key(key, press, overwrite=True) for key, press in self._bound.items()
        }

    def remove(self) -> None:
        """Unbind the keys. One that somebody else has taken since is left alone."""
        for key, press in self._bound.items():
            if self._viewer.keymap.get(coerce_keybinding(key)) is press:
                self._viewer.bind_key(key, self._before[key], overwrite=True)


def _ignoring_viewer(function: Callable[[], None]) -> Callable[[Any], None]:
    def press(_viewer: Any) -> None:
        function()

    return press
