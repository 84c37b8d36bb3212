"""PNG and JPEG."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.io.atomic import atomic_write
from napari_unet.io.grey import grey_from_channels


def read_picture(path: Path) -> Raster:
    """A PNG or JPEG as a 2D raster, its pixels as they are stored (8 or 16 bit, 1 bit as 0/255).

    The dots per inch in such a file are for a printer: there is never a spacing. An opacity channel is
    dropped; a rotation noted by a camera (EXIF) is not applied: a mask fits the pixels as they are stored.
    """
    return Raster(_pixels(path), source=str(path))


def read_picture_mask(path: Path) -> np.ndarray:
    """A mask as labels: the numbers of a coloured palette; a JPEG is cut at half of its maximum."""
    return _pixels(path, labels=True)


def write_png(path: Path, pixels: np.ndarray) -> Path:
    """Writes bool (as 0/255), uint8 or uint16 (Y, X), or uint8 (Y, X, 3), atomically and without metadata."""
    from PIL import Image

    picture = pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels
    colour = picture.ndim == 3 and picture.shape[-1] == 3 and picture.dtype == np.uint8
    if not colour and (picture.ndim != 2 or picture.dtype not in (np.uint8, np.uint16)):
        raise ValueError(f"a PNG holds uint8 or uint16 (Y, X), got {picture.dtype} {picture.shape}")
    with atomic_write(path) as partial:
        # colour: a third of the time for a tenth more bytes
        Image.fromarray(picture).save(partial, format="PNG", compress_level=3 if colour else 6)
    return path


def _pixels(path: Path, labels: bool = False) -> np.ndarray:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # 10,000 x 10,000 is welcome here
            with Image.open(path, formats=["PNG", "JPEG"]) as picture:
                if getattr(picture, "n_frames", 1) > 1:
                    raise UserError(f"{path.name} is an animation.", "Save one picture by itself.")
                if _is_16_bit_colour(path):
                    return _16_bit_colour(path)
                picture.load()
                return _grey(picture, path.name, labels)
    except Image.DecompressionBombError as error:
        raise UserError(f"{path.name} is too large to be a radiograph.", "Make it smaller first.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UserError(
            f"{path.name} is damaged or incomplete and cannot be read.", "Copy or export it once more."
        ) from error


def _is_16_bit_colour(path: Path) -> bool:
    """True for PNGs whose 16 bits Pillow would cut to 8: RGB, RGBA and grey with opacity."""
    with path.open("rb") as file:
        start = file.read(26)
    return start.startswith(b"\x89PNG") and start[24:25] == b"\x10" and start[25:26] in (b"\2", b"\4", b"\6")


def _16_bit_colour(path: Path) -> np.ndarray:
    try:
        from imagecodecs import png_decode
    except ImportError as error:
        raise UserError(
            f"{path.name} is a 16-bit PNG in colour or with opacity.",
            "Save it as a grey image, or run: pip install imagecodecs",
        ) from error
    try:
        return grey_from_channels(png_decode(path.read_bytes()), path.name)
    except RuntimeError as error:  # what imagecodecs raises for damaged files
        raise ValueError("damaged PNG") from error


def _grey(picture: object, name: str, labels: bool) -> np.ndarray:
    from PIL import Image

    assert isinstance(picture, Image.Image)
    if picture.mode == "1":
        return np.asarray(picture.convert("L"))
    if picture.mode.startswith(("L", "I", "F")) and picture.mode not in ("LA", "La", "LAB"):
        pixels = np.asarray(picture)
        return pixels >= max(1, int(pixels.max()) / 2) if labels and picture.format == "JPEG" else pixels
    if picture.mode == "P" and labels:
        try:
            return grey_from_channels(np.asarray(picture.convert("RGB")), name)
        except UserError:
            return np.asarray(picture)
    return grey_from_channels(np.asarray(picture.convert("RGB")), name)
