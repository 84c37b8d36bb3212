"""Colour axes: a grey picture stored in three channels is a radiograph, a coloured one is not."""

from __future__ import annotations

import numpy as np

from napari_unet.core.errors import UserError

# JPEG stores colour apart and coarsely: grey pictures come back with channels up to a few steps apart.
_TOLERANCE = 8 / 255
_COLOURED_SHARE = 0.001
_ROWS = 256


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
        raise UserError(
            f"{name} is a colour picture, not a radiograph.",
            "If it is a tinted radiograph, save it as a grey image first.",
        )
    return result
