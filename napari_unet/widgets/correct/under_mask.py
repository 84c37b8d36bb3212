"""The parts of layers and files that lie under one slice of a mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Image

from napari_unet.core.errors import UserError
from napari_unet.core.frames import Turned
from napari_unet.core.raster import Raster
from napari_unet.io.grey import grey_from_channels


def plane_source(image: Image | None, position: tuple[int, ...]) -> Callable[[], np.ndarray | None]:
    """A function for any thread that makes the grey values (Y, X) of `image` at `position`, its leading axes.

    It gives None where there is no image, one of another shape, or a colour photograph.
    """
    if image is None:
        return lambda: None
    data, rgb, name = (image.data[0] if image.multiscale else image.data), image.rgb, image.name
    leading = len(shape_of(image)) - 2
    if leading > len(position):
        return lambda: None
    at = position[len(position) - leading :]

    def load() -> np.ndarray | None:
        try:
            pixels = np.asarray(data[at] if at else data)
            return grey_from_channels(pixels, name) if rgb else pixels
        except (UserError, IndexError):
            return None

    return load


def shape_of(image: Image) -> tuple[int, ...]:
    """Without the colour axis."""
    data: Any = image.data[0] if image.multiscale else image.data
    return tuple(data.shape[:-1] if image.rgb else data.shape)


def shown_pixels(raster: Raster, own: np.ndarray | None) -> np.ndarray | None:
    """The pixels of a file that napari shows with other values (CMYK, say), if they lie as it shows them."""
    same_place = own is None or own.shape == raster.shape
    return raster.pixels if same_place and not isinstance(raster.frame, Turned) else own


def slice_of(whole: np.ndarray | None, lead: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray | None:
    """The slice of a map at `lead`; None if it is not of the mask's size."""
    if whole is None:
        return None
    if whole.ndim == 3 and lead and lead[-1] < len(whole):
        whole = whole[lead[-1]]
    return whole if whole.shape == shape else None
