"""PNG, JPEG and the other pictures of cameras and office programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.frames import Turned
from napari_unet.core.quiet import quiet
from napari_unet.core.raster import Raster
from napari_unet.io.atomic import atomic_write
from napari_unet.io.grey import MaskValues, grey_from_channels, mask_from_channels
from napari_unet.io.kinds import AGAIN, DAMAGED
from napari_unet.io.upright import TAG, orientation_of, turned_notes, upright, upright_raster

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "JPEG2000")  # MPO is a JPEG of several pictures
_LOSSY = ("JPEG", "MPO", "WEBP")

T = TypeVar("T")


def read_picture(path: Path) -> Raster:
    """A picture as a 2D raster: PNG, JPEG (also a phone's MPO), BMP, GIF, WebP or JPEG 2000.

    The pixels are as they are stored (8 or 16 bit, 1 bit as 0/255), upright as the orientation tag (EXIF)
    asks. The dots per inch in such a file are for a printer: there is never a spacing. An opacity channel is
    dropped, and of an MPO all pictures but the first; the notes say what was turned and dropped.
    """
    pixels, orientation, count = _read(path, _grey, grey_from_channels)
    return upright_raster(Raster(pixels, source=str(path), notes=_first(count)), orientation)


def read_picture_mask(path: Path) -> MaskValues:
    """The numbers of a mask, upright: as stored, of a coloured palette its own; see `mask_from_channels`."""
    found, orientation, count = _read(path, _mask, mask_from_channels)
    notes = (*_first(count), *found.notes, *turned_notes(orientation))
    return found._replace(values=upright(found.values, orientation), notes=notes)


def turned_of_picture(path: Path) -> Turned | None:
    """How `read_picture` turns this file; None if it does not, or cannot read it."""
    from PIL import Image

    try:
        with Image.open(path, formats=_FORMATS) as picture:
            orientation = _orientation(picture)
            return None if orientation == 1 else Turned(orientation, picture.size[::-1])
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        return None


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


def _read(
    path: Path, of: Callable[[Any, str], T], of_channels: Callable[[np.ndarray, str], T]
) -> tuple[T, int, int]:
    """What is in a file, as it is stored, the orientation tag, and how many pictures the file holds.

    of : makes it of the picture (Pillow's); of_channels : of channels that Pillow would cut to 8 bit.
    """
    from PIL import Image

    try:
        # 10,000 x 10,000 is welcome here, and so is odd EXIF
        with quiet("PIL"), Image.open(path, formats=_FORMATS) as picture:
            count = getattr(picture, "n_frames", 1)
            if count > 1 and picture.format != "MPO":
                raise UserError(f"{path.name} is an animation.", "Save one picture separately.")
            picture.load()
            orientation = _orientation(picture)
            if _is_16_bit_colour(path):
                return of_channels(_16_bit_colour(path), path.name), orientation, count
            return of(picture, path.name), orientation, count
    except Image.DecompressionBombError as error:
        raise UserError(f"{path.name} is too large to be a radiograph.", "Make it smaller first.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UserError(f"{path.name} {DAMAGED}", AGAIN) from error


def _first(count: int) -> tuple[str, ...]:
    """What is said of a file that holds `count` pictures."""
    if count <= 1:
        return ()
    return (f"The file contains {count} pictures, as phones write them; the first one was used.",)


def _orientation(picture: Any) -> int:
    """The orientation tag of a picture that was loaded: a PNG may have it behind its pixels."""
    try:
        return orientation_of(picture.getexif().get(TAG))
    except Exception:  # damaged EXIF makes Pillow raise nearly anything; viewers ignore it too
        return 1


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
        return np.asarray(png_decode(path.read_bytes()))
    except RuntimeError as error:  # what imagecodecs raises for damaged files
        raise ValueError("damaged PNG") from error


def _grey(picture: Any, name: str) -> np.ndarray:
    if picture.mode == "1":
        return np.asarray(picture.convert("L"))
    if _is_grey(picture):
        return np.asarray(picture)
    return grey_from_channels(np.asarray(picture.convert("RGB")), name)


def _mask(picture: Any, name: str) -> MaskValues:
    lossy = picture.format in _LOSSY
    if picture.mode == "P":
        indices = np.asarray(picture)
        colours = np.reshape(picture.getpalette("RGB"), (-1, 3))[: int(indices.max(initial=0)) + 1]
        if len(colours) <= int(indices.max(initial=0)):
            raise ValueError("the palette is too short")
        if (colours != colours[:, :1]).any():  # a coloured palette names labels
            return MaskValues(indices)
        return MaskValues(colours[:, 0].astype(np.uint8)[indices])
    if picture.mode == "1" or _is_grey(picture):
        return MaskValues(_grey(picture, name), lossy=lossy)
    whole = picture if picture.mode in ("LA", "RGB", "RGBA") else picture.convert("RGB")
    return mask_from_channels(np.asarray(whole), name)._replace(lossy=lossy)


def _is_grey(picture: Any) -> bool:
    return picture.mode.startswith(("L", "I", "F")) and picture.mode not in ("LA", "La", "LAB")
