"""Draws the two protocols of the shipped models on one X-ray, docs/models/protocols.png: `make docs`.

One border is the mask of cxr-lung, the other the reference mask that V7 Labs drew: the protocol, without
what a model adds or misses.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from napari_unet import segment
from napari_unet.core.outline import outline
from napari_unet.core.palette import ORANGE, SKY_BLUE
from napari_unet.io.formats import read_raster
from napari_unet.samples import SAMPLES

PICTURE = Path(__file__).parents[1] / "docs" / "models" / "protocols.png"
VISIBLE, WHOLE = "visible lung fields", "whole lung"
_SAMPLE = SAMPLES[0]
_GAP, _LEGEND = 16, 44
_COLOURS = {VISIBLE: SKY_BLUE, WHOLE: ORANGE}


def picture() -> Image.Image:
    """Left: the borders of both masks. Right: what is lung by one protocol only."""
    pixels = read_raster(_SAMPLE.image).pixels
    masks = {VISIBLE: segment(pixels).mask(), WHOLE: read_raster(_SAMPLE.mask).pixels > 0}
    low, high = np.percentile(pixels, [0.5, 99.5])
    grey = np.clip((pixels.astype(float) - low) / (high - low), 0, 1)
    borders = np.repeat(grey[..., None], 3, axis=-1)
    shaded = borders.copy()
    for name, mask in masks.items():
        colour = np.array(ImageColor.getrgb(_COLOURS[name])) / 255
        borders[outline(mask, 2)] = colour
        only = mask & ~masks[WHOLE if name == VISIBLE else VISIBLE]
        shaded[only] = 0.5 * shaded[only] + 0.5 * colour
    gap = np.ones((len(grey), _GAP, 3))
    both = np.rint(np.concatenate([borders, gap, shaded], axis=1) * 255).astype(np.uint8)
    page = Image.new("RGB", (both.shape[1], both.shape[0] + _LEGEND), "white")
    page.paste(Image.fromarray(both))
    _legend(page, both.shape[0], pixels.shape[1] + _GAP)
    return page.quantize(160)


def _legend(page: Image.Image, top: int, second: int) -> None:
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    for left, before in ((0, "border of the "), (second, "only by ")):
        x = left + 4
        for name, colour in _COLOURS.items():
            pen.rectangle((x, top + 15, x + 14, top + 29), fill=colour)
            pen.text((x + 22, top + 13), before + name, fill="black", font=font)
            x += 22 + round(pen.textlength(before + name, font=font)) + 24


def main() -> None:
    """Writes the picture."""
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    picture().save(PICTURE, optimize=True)
    print(f"docs/models/{PICTURE.name}")


if __name__ == "__main__":
    main()
