"""Colours of masks: safe for colour-blind readers, the same everywhere, each with its name for a legend."""

from __future__ import annotations

from dataclasses import dataclass

from napari.utils.colormaps import DirectLabelColormap

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
    """The colours of a project's or a model's labels. sides : a mask of lungs tells them apart."""
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
    named = {entry.value: entry.colour for entry in (NOT_SURE, *legend)}
    free = (value for value in range(1, 256) if value not in named)
    spare = dict(zip(free, SPARE, strict=False))
    return DirectLabelColormap(color_dict={0: "transparent", **named, **spare, None: SPARE[-1]})
