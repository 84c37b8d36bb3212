"""Colours of words, readable on napari's dark and on its light theme."""

from __future__ import annotations

import re
from collections.abc import Mapping

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QWidget

DARK = {
    "good": "#5fc98b",
    "blue": "#56b4e9",
    "rust": "#e09a7a",
    "yellow": "#e6c440",
    "warning": "#e0a030",
    "bad": "#ff8478",
}
LIGHT = {
    "good": "#14633a",
    "blue": "#0a5684",
    "rust": "#8a3a16",
    "yellow": "#665000",
    "warning": "#7a4a00",
    "bad": "#a3181f",
}
"""By name. Each has a contrast of at least 4.5 to 1 against the backgrounds of its theme (WCAG level AA)."""

_MIDDLE = 128  # of 255: a lighter text stands on a dark theme
_WANTED = re.compile(r"var\(--(\w+)\)")
_CHANGES = {QEvent.Type.PaletteChange, QEvent.Type.StyleChange}


def tones_of(widget: QWidget) -> Mapping[str, str]:
    """The colours for the theme that `widget` has now."""
    return DARK if widget.palette().windowText().color().lightness() > _MIDDLE else LIGHT


def is_theme_change(event: QEvent) -> bool:
    """Whether a widget that hears `event` in `changeEvent` may have another theme now."""
    return event.type() in _CHANGES


def toned(text: str, tones: Mapping[str, str]) -> str:
    """Simple HTML in which `var(--name)` becomes the colour of that name."""
    return _WANTED.sub(lambda found: tones[found[1]], text)
