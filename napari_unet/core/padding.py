"""Padding: pixels that fill up an image's rectangle and are none of the image (DICOM PixelPaddingValue)."""

from __future__ import annotations

import numpy as np


def padded_pixels(pixels: np.ndarray, padding: tuple[float, float] | None) -> np.ndarray | None:
    """bool, True where a pixel is padding; None if none is, or no padding is known.

    padding : (lowest, highest) value that is padding; not a number means pixels that are not numbers.
    """
    if padding is None:
        return None
    low, high = padding
    padded = np.isnan(pixels) if np.isnan(low) else (pixels >= low) & (pixels <= high)
    return padded if padded.any() else None


def set_apart(
    pixels: np.ndarray, padded: np.ndarray | None, inverted: bool
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """Pixels whose padding is darker by 1 than the darkest of the image, and the padding's range.

    So it is black in every window, and nothing else has its value. inverted : high values are dark. Whole
    numbers become int32 where the new value does not fit. Unchanged, with None, if nothing or all is padding.
    """
    if padded is None or padded.all():
        return pixels, None
    inside = pixels[~padded]
    value = inside.max() if inverted else inside.min()
    if pixels.dtype.kind == "f":
        step = np.maximum(1, np.spacing(np.abs(value)))
        value = value + step if inverted else value - step
        return np.where(padded, value, pixels).astype(pixels.dtype), (float(value), float(value))
    whole = int(value) + (1 if inverted else -1)
    limits = np.iinfo(pixels.dtype)
    if not limits.min <= whole <= limits.max:
        pixels = pixels.astype(np.int32 if pixels.dtype.itemsize < 4 else np.int64)
    return np.where(padded, pixels.dtype.type(whole), pixels), (float(whole), float(whole))


def filled(pixels: np.ndarray, padded: np.ndarray | None, inverted: bool) -> np.ndarray:
    """Pixels whose padding has the darkest value of the image. inverted : high values are dark."""
    if padded is None or padded.all():
        return pixels
    inside = pixels[~padded]
    return np.where(padded, inside.max() if inverted else inside.min(), pixels)


def without_padding(
    plane: np.ndarray, padding: tuple[float, float] | None
) -> tuple[np.ndarray, tuple[slice, slice]]:
    """An image (Y, X) without the rows and columns at its edges that are padding, and where it was cut out.

    Padding that is left inside becomes NaN (float32 then): `IntensityRule` passes it over and makes it black.
    What has no padding comes back as it is.
    """
    padded = padded_pixels(plane, padding)
    if padded is None or padded.all():
        return plane, (slice(0, plane.shape[0]), slice(0, plane.shape[1]))
    box = _box_inside(padded)
    plane, padded = plane[box], padded[box]
    return (np.where(padded, np.float32(np.nan), plane.astype(np.float32)) if padded.any() else plane), box


def _box_inside(padded: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns without those at the edges that are padding from end to end; padded : bool (Y, X)."""
    rows, columns = (np.flatnonzero(~padded.all(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
