"""Windows by name, as viewers offer them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_unet.core.raster import Modality, modality_in
from napari_unet.core.window import LUNG_WINDOW, Window, full_window, sample_pixels

_TAILS = (0.5, 99.5)  # per cent; collimated borders and markers are outside


@dataclass(frozen=True)
class Preset:
    """A window with a name."""

    name: str
    window: Window


CT_PRESETS = (
    Preset("lung", LUNG_WINDOW),
    Preset("mediastinum", Window(-160.0, 240.0)),
    Preset("bone", Window(-600.0, 1400.0)),
)
"""Of a CT, HU: level −600 and width 1500, level 40 and width 400, level 400 and width 2000."""


def presets(
    pixels: np.ndarray,
    window: tuple[float, float] | None = None,
    modality: Modality = Modality.UNKNOWN,
    padding: tuple[float, float] | None = None,
) -> tuple[Preset, ...]:
    """The windows that are offered for an image: those of a CT, the file's, percentiles, the full range.

    Arguments as in Raster; pixels may have any number of axes.
    """
    full, sample = full_window(pixels, padding), sample_pixels(pixels, padding)
    seen = sample.reshape((1,) * (pixels.ndim - 1) + (-1,))  # all of a CT would take too long to look at
    found = list(CT_PRESETS) if modality_in(seen, modality) is Modality.CT else []
    if window is not None and window[0] < window[1]:
        found.append(Preset("as in the file", Window(*window)))
    low, high = np.percentile(sample, _TAILS) if sample.size else (0.0, 0.0)
    if low < high:
        found.append(Preset("automatic", Window(float(low), float(high))))
    return (*found, Preset("full range", full))
