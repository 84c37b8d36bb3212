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
