"""Colour axes: a grey picture stored in three channels is a radiograph, a coloured one is not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.labels import NotLabels

# JPEG stores colour apart and coarsely: grey pictures come back with channels up to a few steps apart.
_TOLERANCE = 8 / 255
_COLOURED_SHARE = 0.001
_ROWS = 256


class MaskValues(NamedTuple):
    """The numbers of a mask file. notes : what was assumed. lossy : small numbers are not kept (JPEG)."""

    values: np.ndarray
    notes: tuple[str, ...] = ()
    lossy: bool = False


def mask_from_channels(pixels: np.ndarray, name: str) -> MaskValues:
    """(..., Y, X, C), the channels of a mask file, as `grey_from_channels` gives them, opacity not forgotten.

    Where the colour is the same everywhere and the opacity is not, the opacity is the mask, and a note says
    so. Raises UserError for coloured masks, and where both change and something that is seen through has a
    value.
    """
    try:
        grey = grey_from_channels(pixels, name)
    except UserError as error:
        raise NotLabels(
            "The mask is a coloured picture.",
            "Save it in grey: 0 and one other value, or 1 for the right and 2 for the left lung.",
        ) from error
    if pixels.shape[-1] not in (2, 4) or not pixels.size:
        return MaskValues(grey)
    opacity = pixels[..., -1]
    if (opacity == opacity.flat[0]).all():
        return MaskValues(grey)
    if (grey == grey.flat[0]).all():
        note = "The picture has one grey value, and its opacity varies: the opacity was taken as the mask."
        return MaskValues(np.ascontiguousarray(opacity), (note,))
    if (grey[opacity == 0] != 0).any():
        raise NotLabels(
            "In the mask, grey values and opacity contradict each other.",
            "Save it again as a grey picture without opacity.",
        )
    return MaskValues(grey)


def grey_from_channels(pixels: np.ndarray, name: str) -> np.ndarray:
    """(..., Y, X, C) with C = 1 to 4 as (..., Y, X) of the same dtype: the channels must be equal.

    C = 2 and 4: the last channel is opacity and is dropped. Channels may differ by up to 8/255 of the dtype's
    range (of the picture's, for floats) in all but one pixel in a thousand; the result is then their
    luminance. Raises UserError for coloured pictures; `name` is the file's, for the message.
    """
    channels = pixels.shape[-1]
    if not 1 <= channels <= 4:
        raise UserError(f"{name} has {channels} channels.", "Save the one that you need as a grey image.")
    if channels <= 2:
        return np.ascontiguousarray(pixels[..., 0])
    full = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind in "iu" else float(np.ptp(pixels))
    result = np.empty(pixels.shape[:-1], pixels.dtype)
    rows_in, rows_out = pixels.reshape(-1, *pixels.shape[-2:]), result.reshape(-1, result.shape[-1])
    coloured = 0
    for start in range(0, len(rows_in), _ROWS):
        red, green, blue = np.moveaxis(rows_in[start : start + _ROWS, :, :3].astype(np.float64), -1, 0)
        spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
        coloured += int(np.count_nonzero(spread > _TOLERANCE * full))
        luminance = green + 0.299 * (red - green) + 0.114 * (blue - green)
        rows_out[start : start + _ROWS] = np.rint(luminance) if pixels.dtype.kind in "iu" else luminance
    if coloured > _COLOURED_SHARE * result.size:
        raise in_colour(name)
    return result


def in_colour(name: str) -> UserError:
    """What to say of a file with a picture in colour."""
    return UserError(
        f"{name} is a colour picture, not a radiograph.",
        "If it is a tinted radiograph, save it as a grey image first.",
    )
