"""The orientation tag of EXIF and TIFF: pictures are read as viewers show them, upright."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_unet.core.frames import Turned
from napari_unet.core.geometry import MisplacedMask
from napari_unet.core.raster import Raster

TAG = 274  # of EXIF and of TIFF alike
_TRANSPOSED = "mirrored and rotated by 90°, so that rows became columns"
_TURNED = {
    2: "mirrored (left and right swapped)",
    3: "rotated by 180°",
    4: "mirrored (top and bottom swapped)",
    5: _TRANSPOSED,
    6: "rotated by 90° to the right",
    7: _TRANSPOSED,
    8: "rotated by 90° to the left",
}


def orientation_of(tag: object) -> int:
    """The value of an orientation tag, 1 to 8; any other value counts as 1, as in viewers."""
    return tag if isinstance(tag, int) and tag in _TURNED else 1


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """(..., Y, X) as it is stored to (..., Y, X) as it is shown, contiguous; 5 to 8 swap Y and X."""
    shown = pixels.swapaxes(-1, -2) if orientation >= 5 else pixels
    if orientation in (2, 3, 6, 7):
        shown = shown[..., ::-1]
    if orientation in (3, 4, 7, 8):
        shown = shown[..., ::-1, :]
    return np.ascontiguousarray(shown)


def turned_notes(orientation: int) -> tuple[str, ...]:
    """What is said of a picture or mask with this orientation tag; () if nothing was turned."""
    if orientation == 1:
        return ()
    return (f"The picture was {_TURNED[orientation]}, as the orientation tag in its file requires.",)


def notes_on_turned(mask_shape: tuple[int, ...], image: Turned | None) -> tuple[str, ...]:
    """What is said of a mask, itself not turned, whose image was. None: the image was not turned either.

    Raises MisplacedMask if it has the size that the image had before.
    """
    if image is None:
        return ()
    if image.orientation < 5 or image.stored_shape[-1] == image.stored_shape[-2]:
        return (
            f"Its image was {_TURNED[image.orientation]}, as the orientation tag in its file requires: the "
            "mask fits only if it was drawn on the upright picture.",
        )
    if mask_shape != image.stored_shape:
        return ()
    raise MisplacedMask(
        f"The image was {_TURNED[image.orientation]}, as the orientation tag in its file requires, and the "
        "mask has the size of the picture before that.",
        "Turn the mask in the same way, or draw it on the upright picture.",
    )


def upright_raster(raster: Raster, orientation: int) -> Raster:
    """`raster`, whose pixels and spacing are as they are stored, as it is shown; its notes say so."""
    if orientation == 1:
        return raster
    spacing = raster.spacing_mm
    if spacing is not None and orientation >= 5:
        spacing = (*spacing[:-2], spacing[-1], spacing[-2])
    return replace(
        raster,
        pixels=upright(raster.pixels, orientation),
        spacing_mm=spacing,
        frame=Turned(orientation, raster.shape),
        notes=(*raster.notes, *turned_notes(orientation)),
    )
