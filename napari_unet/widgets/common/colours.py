"""Colours of masks, each with its name for a legend, and of words on napari's dark and light themes.

Masks have the same colours everywhere, safe for colour-blind readers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QWidget

from napari_unet.core import palette
from napari_unet.core.label_set import LabelSet
from napari_unet.core.labels import IGNORE


@dataclass(frozen=True)
class LabelColour:
    """What a label value means, and its colour as "#rrggbb"."""

    value: int
    name: str
    colour: str


LUNGS = (LabelColour(1, "lungs", palette.LUNGS),)
"""A mask with one value."""

RIGHT_LEFT = (
    LabelColour(1, "right lung", palette.RIGHT_LUNG),
    LabelColour(2, "left lung", palette.LEFT_LUNG),
)
"""A mask with one value for each lung; right and left are the patient's."""


def legend_of(labels: LabelSet, sides: bool = False) -> tuple[LabelColour, ...]:
    """The colours of a project's or a model's labels. sides : a mask of lungs has them."""
    if labels.of_lungs:
        return RIGHT_LEFT if sides or labels.tells_sides else LUNGS
    colours = palette.label_colours(labels)
    return tuple(LabelColour(label.value, label.name, colours[label.value]) for label in labels.labels)


NOT_SURE = LabelColour(IGNORE, "not sure", palette.NOT_SURE)
"""Pixels that training and scores leave out; grey in every mask."""

SPARE = (palette.REDDISH_PURPLE, palette.YELLOW, palette.BLUISH_GREEN, palette.VERMILLION)
"""Colours of values without a name, in this order; the last one for all that follow."""


def mask_colormap(legend: tuple[LabelColour, ...] = LUNGS) -> DirectLabelColormap:
    """Colormap of a Labels layer: the colours of `legend`, grey for "not sure", spare ones
    for other values, nothing for 0."""
    named: dict[int | None, str] = {entry.value: entry.colour for entry in (NOT_SURE, *legend)}
    free = [value for value in range(1, 256) if value not in named][: len(SPARE)]
    named.update(zip(free, SPARE, strict=False))
    return DirectLabelColormap(color_dict={0: "transparent", **named, None: SPARE[-1]})


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

_MIDDLE = 128  # of 255: lighter text means a dark theme
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
