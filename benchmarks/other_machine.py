"""One fixed machine that no training and no model's choice has seen: where a fine-tune is measured.

It was fixed before any training with it. It is none of the six machines of `training.shifts`, and no change
of `training.augment` makes its grid.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage, special

_BEND, _KNEE = 9.0, 0.2  # of the tone curve: its slope, and the grey at which it is steepest
_BLUR = 3 / 512  # standard deviation, of the image's shorter side
_LINES, _SHADE = 48, 0.15  # of the grid: shaded stripes across the width, and what they take of the light
_PERCENTILES = (0.5, 99.5)


def overexposed(pixels: np.ndarray) -> np.ndarray:
    """An X-ray as an overexposed film, scanned out of focus, with the stripes of a coarse grid.

    Parameters
    ----------
    pixels : np.ndarray
        uint8 (Y, X), bone bright.

    Returns
    -------
    np.ndarray
        uint8 (Y, X). All but the darkest greys are pressed together: a logistic tone curve about 0.2 of the
        range. Then a Gaussian blur, then vertical stripes, half of each period shaded; the 0.5th and the
        99.5th percentile become black and white.
    """
    low, high, bent = _logistic(np.array(0.0)), _logistic(np.array(1.0)), _logistic(pixels / 255)
    blurred = ndimage.gaussian_filter((bent - low) / (high - low), _BLUR * min(pixels.shape))
    phase = np.arange(pixels.shape[1]) / pixels.shape[1] * _LINES
    striped = blurred * np.where(phase % 1 < 0.5, 1 - _SHADE, 1)
    black, white = np.percentile(striped, _PERCENTILES)
    span = max(white - black, math.ulp(1.0))
    return np.rint(np.clip((striped - black) / span, 0, 1) * 255).astype(np.uint8)


def _logistic(grey: np.ndarray) -> np.ndarray:
    return special.expit(_BEND * (grey - _KNEE))
