"""The picture of a heat map: the X-ray, the lungs' outline, the lines of the zones, and the map in colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

from napari_unet.core.heat import HEAT_COLOURS, SHOWN_FROM, heat
from napari_unet.core.orientation import sides
from napari_unet.core.outline import outline
from napari_unet.core.palette import SKY_BLUE, YELLOW
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.window import display_pixels
from napari_unet.io.pictures import write_png

_Font = FreeTypeFont | ImageFont.ImageFont  # the second where Pillow was built without FreeType
_LONGEST = 1024  # pixels of the longer side of the picture
_SMALLEST = 512
_FOOT = 3  # lines of text under the image
_OPACITY = 0.5


def write_heat_picture(path: Path, raster: Raster, prediction: Prediction) -> Path:
    """Writes an 8-bit colour PNG with the map of the first finding, and the scores under it; returns `path`.

    The map is raw: cells as they are, not clipped to the lungs, on one scale for all images.
    """
    write_png(path, heat_picture(raster, prediction))
    return path


def heat_picture(raster: Raster, prediction: Prediction) -> np.ndarray:
    """What `write_heat_picture` writes: uint8 (Y, X, 3)."""
    finding = next(iter(prediction.scores))
    image = drawn(raster, prediction, finding)
    letter = _letter(image)
    return _with_foot(image, _lines(prediction, finding), ImageFont.load_default(letter), letter)


def drawn(raster: Raster, prediction: Prediction, finding: str | None) -> Image.Image:
    """The X-ray with outline of the lungs, zones and sides. finding : whose map is drawn over it, if any."""
    longest = max(raster.shape)
    factor = min(_LONGEST / longest, max(1.0, _SMALLEST / longest))
    size = (round(raster.shape[1] * factor), round(raster.shape[0] * factor))
    grey = Image.fromarray(display_pixels(raster, raster.pixels)).resize(size, Image.Resampling.BILINEAR)
    warm = np.zeros((size[1], size[0]), np.float32)
    if finding is not None:
        warm = np.asarray(Image.fromarray(heat(prediction, finding)).resize(size, Image.Resampling.NEAREST))
    picture = with_heat(np.asarray(grey), warm)
    reading = prediction.reading
    if reading is not None:
        lungs = Image.fromarray(reading.thirds.labels).resize(size, Image.Resampling.NEAREST)
        rim = outline(np.asarray(lungs), thickness=max(1, round(min(size) / 400)))
        picture[rim > 0] = _rgb(SKY_BLUE)
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    if reading is not None:
        for line in reading.thirds.lines:
            for start in range(0, size[0], 12):
                draw.line([(start, line * factor), (start + 5, line * factor)], fill=SKY_BLUE, width=1)
    seen, font = sides(prediction.row_direction), ImageFont.load_default(_letter(image))
    mark = "?" if seen.assumed else ""
    draw.text((6, 4), seen.at_left + mark, fill=YELLOW, font=font)
    draw.text((size[0] - 6, 4), seen.at_right + mark, fill=YELLOW, font=font, anchor="ra")
    return image


def _letter(image: Image.Image) -> int:
    return max(11, round(image.width / 45))


def with_heat(picture: np.ndarray, warm: np.ndarray) -> np.ndarray:
    """uint8 (Y, X, 3): a grey picture (Y, X) under the heat (Y, X) of a map, 0 to 1."""
    grey = np.repeat(picture[..., None], 3, axis=-1).astype(np.float32)
    shown = (warm >= SHOWN_FROM)[..., None]
    both = np.where(shown, (1 - _OPACITY) * grey + _OPACITY * _coloured(warm), grey)
    found: np.ndarray = both.clip(0, 255).astype(np.uint8)
    return found


def _lines(prediction: Prediction, finding: str) -> list[str]:
    scores = ", ".join(f"{name} {100 * score:.0f}" for name, score in prediction.scores.items())
    reading = prediction.reading
    zone = None if reading is None else reading.zones.get(finding)
    where = "" if zone is None else f", peak zone: {zone}"
    cell = "" if reading is None else f" {reading.cells}"
    return [
        scores,
        f"Map of {finding}{where}.{cell} Shown from {100 * SHOWN_FROM:.0f} of 100.",
        f"{prediction.model} {prediction.version}. Zones are not lobes. Research use only.",
    ]


def _with_foot(image: Image.Image, lines: list[str], font: _Font, letter: int) -> np.ndarray:
    """The image above its lines of text, which are made smaller until they fit."""
    width = image.width
    while letter > 7 and max(font.getlength(line) for line in lines) > width - 12:
        letter -= 1
        font = ImageFont.load_default(letter)
    step = round(1.4 * letter)
    whole = Image.new("RGB", (width, image.height + _FOOT * step + 8), (20, 20, 20))
    whole.paste(image)
    draw = ImageDraw.Draw(whole)
    for number, line in enumerate(lines):
        draw.text((6, image.height + 4 + number * step), line, fill=(230, 230, 230), font=font)
    return np.asarray(whole)


def _coloured(warm: np.ndarray) -> np.ndarray:
    """float32 (Y, X, 3) of heat (Y, X): from yellow to dark red, the same everywhere."""
    at, colours = zip(*((value, _rgb(colour)) for value, colour in HEAT_COLOURS), strict=True)
    channels = np.array(colours, np.float32)
    return np.stack([np.interp(warm, at, channels[:, k]) for k in range(3)], axis=-1).astype(np.float32)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue
