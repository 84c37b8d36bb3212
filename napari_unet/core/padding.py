"""Padding: pixels that fill up an image's rectangle and are none of the image (DICOM PixelPaddingValue)."""

from __future__ import annotations

import numpy as np

_NO_TISSUE = -1500  # HU: air has −1000, and noise does not double it
_CORNERS = 2  # of a slice that must be outside of the field of view; it may be shifted to one side


def padded_pixels(pixels: np.ndarray, padding: tuple[float, float] | None) -> np.ndarray | None:
    """bool, True where a pixel is padding; None if none is, or no padding is known.

    padding : (lowest, highest) value that is padding; not a number means pixels that are not numbers.
    """
    if padding is None:
        return None
    low, high = padding
    padded = np.isnan(pixels) if np.isnan(low) else (pixels >= low) & (pixels <= high)
    return padded if padded.any() else None


def is_padding(pixels: np.ndarray, padding: tuple[float, float] | None) -> bool:
    """Whether all pixels are padding, as in a slice that was missing. padding : as in `padded_pixels`."""
    padded = padded_pixels(pixels, padding)
    return padded is not None and bool(padded.all())


def either(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    """bool, True where one of two is; None is padding nowhere."""
    return other if one is None else one if other is None else one | other


def outside_field(hounsfield: np.ndarray) -> np.ndarray | None:
    """bool, True where a CT has no image: outside of its round field of view. None if it is there everywhere.

    Scanners fill it with −2000, −2048 or −3024, and not all headers say so. Values that no tissue has count
    where the corners of a slice have them too: beside metal there may be such values inside of the image.
    hounsfield : (Y, X) or (Z, Y, X).
    """
    corners = hounsfield[..., [0, 0, -1, -1], [0, -1, 0, -1]]
    outside = (corners <= _NO_TISSUE).sum(axis=-1) >= _CORNERS
    if not outside.any():
        return None
    padded: np.ndarray = (hounsfield <= _NO_TISSUE) & outside[..., None, None]
    return padded


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
    pixels, value = _with_room(pixels, inside.max() if inverted else inside.min(), inverted)
    return np.where(padded, pixels.dtype.type(value), pixels), (float(value), float(value))


class PaddedSlices:
    """Which pixels of a volume are padding, slice by slice; a bit for each."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._packed: dict[int, np.ndarray] = {}

    def put(self, z: int, padded: np.ndarray | None) -> None:
        """Note the padding of a slice; bool (Y, X), None if there is none."""
        if padded is not None and padded.any():
            self._packed[z] = np.packbits(padded)

    def at(self, z: int) -> np.ndarray | None:
        """bool (Y, X) as it was put; None where there is none."""
        packed = self._packed.get(z)
        if packed is None:
            return None
        rows, columns = self._shape
        return np.unpackbits(packed, count=rows * columns).astype(bool).reshape(self._shape)


def set_apart_slices(
    volume: np.ndarray, padding: PaddedSlices, inverted: bool
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """`set_apart` for a volume (Z, Y, X), which is changed: no second one is made if a value is free."""
    padded = [padding.at(z) is not None for z in range(len(volume))]
    if not any(padded):
        return volume, None
    found = []
    for z, pixels in enumerate(volume):
        inside = pixels if (of_slice := padding.at(z)) is None else pixels[~of_slice]
        if inside.size:
            found.append(inside.max() if inverted else inside.min())
    if not found:
        return volume, None
    volume, value = _with_room(volume, max(found) if inverted else min(found), inverted)
    for z in range(len(volume)):
        if (of_slice := padding.at(z)) is not None:
            volume[z][of_slice] = value
    return volume, (float(value), float(value))


def _with_room(pixels: np.ndarray, darkest: np.number, inverted: bool) -> tuple[np.ndarray, float | int]:
    """The pixels, with more bits if needed, and a value that is darker by 1 than their darkest."""
    if pixels.dtype.kind == "f":
        step = np.maximum(1, np.spacing(np.abs(darkest)))
        return pixels, pixels.dtype.type(darkest + step if inverted else darkest - step)
    whole = int(darkest) + (1 if inverted else -1)
    limits = np.iinfo(pixels.dtype)
    if not limits.min <= whole <= limits.max:
        pixels = pixels.astype(np.int32 if pixels.dtype.itemsize < 4 else np.int64)
    return pixels, whole


def filled(pixels: np.ndarray, padded: np.ndarray | None, inverted: bool) -> np.ndarray:
    """Pixels whose padding has the darkest value of the image. inverted : high values are dark."""
    if padded is None or padded.all():
        return pixels
    inside = pixels[~padded]
    return np.where(padded, inside.max() if inverted else inside.min(), pixels)


def without_padding(
    pixels: np.ndarray, padding: tuple[float, float] | None
) -> tuple[np.ndarray, tuple[slice, ...]]:
    """An image or a volume without what is nothing but padding at its edges, and where it was cut out.

    Padding that is left inside becomes NaN, see `padding_as_nan`. What has no padding comes back as it is.
    """
    padded = padded_pixels(pixels, padding)
    if padded is None or padded.all():
        return pixels, tuple(slice(0, n) for n in pixels.shape)
    box = _box_inside(padded)
    return padding_as_nan(pixels[box], padding), box


def padding_as_nan(pixels: np.ndarray, padding: tuple[float, float] | None) -> np.ndarray:
    """Pixels in which padding is NaN (float32 then): `IntensityRule` passes it over and makes it black.

    Unchanged if nothing or all is padding.
    """
    padded = padded_pixels(pixels, padding)
    if padded is None or padded.all():
        return pixels
    return np.where(padded, np.float32(np.nan), pixels.astype(np.float32))


def box_of_slices(volume: np.ndarray, padding: tuple[float, float] | None) -> tuple[slice, slice]:
    """Rows and columns of a volume (Z, Y, X) without those that are padding in all slices; looked at in turn.

    All of them if there is no padding, or nothing else.
    """
    whole = slice(0, volume.shape[1]), slice(0, volume.shape[2])
    everywhere = np.ones(volume.shape[1:], bool)
    for plane in volume if padding is not None else ():
        padded = padded_pixels(plane, padding)
        if padded is None:
            return whole
        everywhere &= padded
    if everywhere.all():
        return whole
    rows, columns = _box_inside(everywhere)
    return rows, columns


def _box_inside(padded: np.ndarray) -> tuple[slice, ...]:
    """Each axis without its ends at which all is padding; padded : bool."""
    box = []
    for axis in range(padded.ndim):
        others = tuple(other for other in range(padded.ndim) if other != axis)
        inside = np.flatnonzero(~padded.all(axis=others))
        box.append(slice(int(inside[0]), int(inside[-1]) + 1))
    return tuple(box)
