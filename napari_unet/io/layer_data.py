"""A raster as napari takes it: plain data, so that readers and docks show a file in the same way."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_unet.core.raster import Raster
from napari_unet.core.window import display_window, full_window

LayerData = tuple[np.ndarray, dict[str, Any], str]
HEADER = "napari_unet"
"""Key in layer.metadata: Raster.header(), put there by the readers."""


def image_layer(raster: Raster, name: str) -> LayerData:
    """A raster as napari takes it.

    The spacing is the layer's scale in mm, its first pixel's place in the patient the translation: the affine
    is not handed over, so that nothing counts twice and an oblique volume is shown slice by slice. Without a
    spacing the layer stays in pixels. Pixels are never changed for display: the window that the image
    opens with sets the contrast limits, an inverted radiograph gets an inverted colour map.
    """
    options: dict[str, Any] = {"name": name, "metadata": {HEADER: raster.header()}}
    if raster.inverted:
        options["colormap"] = "gray_r"
    window = display_window(raster)
    if raster.window is not None or window != full_window(raster.pixels):  # else napari's own are the same
        options["contrast_limits"] = (window.low, window.high)
    if raster.spacing_mm is not None:
        options |= {"scale": raster.spacing_mm, "units": ("mm",) * raster.pixels.ndim}
        if raster.affine is not None:
            options["translate"] = tuple(raster.affine[:-1, -1])
    return raster.pixels, options, "image"
