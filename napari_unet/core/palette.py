"""Colours that stay apart for colour-blind readers and on grey images (Okabe and Ito, 2008)."""

from __future__ import annotations

from colorsys import hls_to_rgb
from itertools import islice
from typing import Final

from napari_unet.core.label_set import LabelSet

ORANGE: Final = "#e69f00"
SKY_BLUE: Final = "#56b4e9"
BLUISH_GREEN: Final = "#009e73"
YELLOW: Final = "#f0e442"
VERMILLION: Final = "#d55e00"
REDDISH_PURPLE: Final = "#cc79a7"

LUNGS: Final = SKY_BLUE
RIGHT_LUNG: Final = ORANGE
LEFT_LUNG: Final = SKY_BLUE
NOT_SURE: Final = REDDISH_PURPLE  # grey is not seen on an X-ray

_IN_ORDER = (ORANGE, SKY_BLUE, BLUISH_GREEN, YELLOW, VERMILLION)
_GOLDEN = 0.618034  # of a turn: hues that follow each other lie far apart


def label_colours(labels: LabelSet) -> dict[int, str]:
    """A colour "#rrggbb" for each value of a set, by its place in it.

    The first five stay apart for colour-blind readers; beyond that no choice does, and hues go on.
    """
    if labels.of_lungs and not labels.tells_sides:
        return {labels.values[0]: LUNGS}
    more = len(labels.values) - len(_IN_ORDER)
    hues = ((k * _GOLDEN) % 1 for k in range(1, more + 1))
    found = (*_IN_ORDER, *(_hex(hls_to_rgb(hue, 0.6, 0.7)) for hue in hues))
    return dict(zip(labels.values, islice(found, len(labels.values)), strict=True))


def _hex(rgb: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)
