"""Draws where ct-lung fails, docs/images/ct/lidc0001.png: needs the data folder ($NAPARI_UNET_DATA).

LIDC-IDRI-0001, a mass at the pleura of the left lung: the model's borders in colour, the silver labels in
white. The slice is the one with most dense lung that the model leaves out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor
from scipy import ndimage

_ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(_ROOT))

from benchmarks.ct_sets import SILVER, volume  # noqa: E402
from napari_unet.core.outline import outline  # noqa: E402
from napari_unet.core.palette import ORANGE, SKY_BLUE  # noqa: E402
from napari_unet.inference.segment import segment  # noqa: E402

PICTURE = _ROOT / "docs" / "images" / "ct" / "lidc0001.png"
_WINDOW = (-1200.0, 200.0)  # HU
_GAP, _HEIGHT, _AROUND = 12, 480, 28  # pixels; voxels around the middle of the mass


def picture() -> Image.Image:
    """Left: the whole slice. Right: the mass."""
    one = volume(SILVER)
    drawn = segment(one.raster, model="ct-lung", device="cpu").labels()
    missed = (one.labels > 0) & (drawn == 0) & (one.raster.pixels > 0)
    z = int(missed.sum(axis=(1, 2)).argmax())
    rows, columns = np.nonzero(ndimage.binary_opening(missed[z], iterations=2))
    y, x = (round(float(np.median(at))) for at in (rows, columns))
    body = np.nonzero(one.raster.pixels[z] > -300)
    whole = tuple(slice(int(at.min()), int(at.max()) + 1) for at in body)
    mass = (slice(y - _AROUND, y + _AROUND), slice(x - _AROUND, x + _AROUND))
    parts = [_enlarged(one.raster.pixels[z], drawn[z], one.labels[z], box) for box in (whole, mass)]
    page = Image.new("RGB", (sum(part.width for part in parts) + _GAP, _HEIGHT), "white")
    page.paste(parts[0], (0, 0))
    page.paste(parts[1], (parts[0].width + _GAP, 0))
    return page.quantize(96)


def _enlarged(
    hounsfield: np.ndarray, drawn: np.ndarray, reference: np.ndarray, box: tuple[slice, ...]
) -> Image.Image:
    """A part of the slice, `_HEIGHT` pixels high, with borders two pixels wide."""
    low, high = _WINDOW
    grey = np.clip((hounsfield[box] - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    size = (round(_HEIGHT * grey.shape[1] / grey.shape[0]), _HEIGHT)
    rgb = np.repeat(
        np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))[..., None], 3, 2
    )
    for labels, colours in ((reference, ("white", "white")), (drawn, (ORANGE, SKY_BLUE))):
        large = np.asarray(Image.fromarray(labels[box]).resize(size, Image.Resampling.NEAREST))
        rim = outline(large, 2)
        for value, colour in enumerate(colours, start=1):
            rgb[rim == value] = ImageColor.getrgb(colour)
    return Image.fromarray(rgb)


def main() -> None:
    """Writes the picture."""
    picture().save(PICTURE, optimize=True)
    print(PICTURE.relative_to(_ROOT))


if __name__ == "__main__":
    main()
