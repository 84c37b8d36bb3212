"""Window and level: which pixel values are shown as black and as white. Display only; no pixel is changed.

`display_window` and `display_pixels` are what canvas, thumbnails, overlays, exports and reports are made by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_unet.core.padding import padded_pixels
from napari_unet.core.raster import Modality, Raster, modality_in

NARROWEST = 1e-3
"""The narrowest window that a drag can make, as a share of the data's range."""

_SAMPLE = 250_000


@dataclass(frozen=True)
class Window:
    """Values at or under `low` are shown black, at or over `high` white. Pixel units."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"low must be under high, got {self.low} and {self.high}")

    @property
    def width(self) -> float:
        """high - low: a wide window has little contrast."""
        return self.high - self.low

    @property
    def level(self) -> float:
        """The value shown as middle grey: a high level makes a dark image."""
        return (self.low + self.high) / 2

    def text(self, value: float) -> str:
        """`value` as it is shown: whole numbers where the window is wide enough, with a true minus sign."""
        digits = 0 if self.width >= 20 else 2 if self.width >= 0.2 else 4
        rounded = round(value, digits) or 0.0  # no "-0"
        return f"{rounded:.{digits}f}".replace("-", "−")

    def dragged(self, right: float, down: float, data: Window) -> Window:
        """The window after a drag that began on this one.

        right, down : length of the drag as shares of the canvas: across all of it, `right` adds the whole
            range of the data to the width and `down` to the level.
        data : lowest and highest value of the image. The level stays inside it (or where it began, if that
            was outside) and the width between a thousandth and twice of it.
        """
        width = float(np.clip(self.width + right * data.width, NARROWEST * data.width, 2 * data.width))
        lowest, highest = min(data.low, self.level), max(data.high, self.level)
        level = float(np.clip(self.level + down * data.width, lowest, highest))
        return Window(level - width / 2, level + width / 2)


LUNG_WINDOW = Window(-1350.0, 150.0)
"""HU: the usual one for lungs, width 1500 and level -600."""

_LEAST = 1e-3  # share of the pixels that a window must hold to be of this image
_FLAT = 0.1  # of a window's width: an image of a smaller range would be shown in a few greys


def display_window(raster: Raster) -> Window:
    """The window that an image opens with: see `opening_window`."""
    return opening_window(raster.pixels, raster.window, raster.modality, raster.padding)


def opening_window(
    pixels: np.ndarray,
    window: tuple[float, float] | None = None,
    modality: Modality = Modality.UNKNOWN,
    padding: tuple[float, float] | None = None,
) -> Window:
    """The header's window, unless it does not suit this image.

    It does not if it holds no pixels (less than one in a thousand), or is so wide that all of it is shown
    in nearly one grey, as one for 12 bits beside 8-bit pixels. Without a suitable one: the lung window
    for a CT, all values for the rest.
    Arguments as in Raster; pixels may have any number of axes.
    """
    sample = sample_pixels(pixels, padding)
    if window is not None and window[0] < window[1] and _holds(Window(*window), sample):
        return Window(*window)
    if modality_in(pixels, modality) is Modality.CT and _holds(LUNG_WINDOW, sample):
        return LUNG_WINDOW
    return full_window(pixels, padding)


def display_pixels(raster: Raster, plane: np.ndarray | None = None) -> np.ndarray:
    """uint8 as the canvas shows an image when it opens; what is padding or no number is black.

    plane : a part of the raster's pixels (a slice, every second row), shown as in the whole image.
    """
    pixels = raster.pixels if plane is None else plane
    window = display_window(raster)
    if pixels.ndim == 2:
        return _bytes(pixels, window, raster)
    shown = np.empty(pixels.shape, np.uint8)
    for z, one in enumerate(pixels):  # a volume four times over as float would not fit
        shown[z] = _bytes(one, window, raster)
    return shown


def _bytes(plane: np.ndarray, window: Window, raster: Raster) -> np.ndarray:
    """uint8 of an image (Y, X) of `raster` in this window."""
    with np.errstate(invalid="ignore"):
        grey = (plane.astype(np.float32) - np.float32(window.low)) * np.float32(1 / window.width)
    grey = np.clip(grey, 0, 1)
    grey = np.where(np.isfinite(grey), 1 - grey if raster.inverted else grey, 0)
    padded = padded_pixels(plane, raster.padding)
    if padded is not None:
        grey[padded] = 0
    return np.asarray(np.rint(grey * 255), np.uint8)


def full_window(pixels: np.ndarray, padding: tuple[float, float] | None = None) -> Window:
    """From the lowest to the highest finite value that is not padding; bytes always count as 0..255.

    About a quarter of a million pixels are looked at (regular steps), so that it takes a few ms at any size.
    A constant image gets a window of width 1 from its value upwards; without any finite pixel it is 0..1.
    """
    if pixels.dtype == np.uint8:
        return Window(0.0, 255.0)
    sample = sample_pixels(pixels, padding)
    if not sample.size:
        return Window(0.0, 1.0)
    low, high = float(sample.min()), float(sample.max())
    return Window(low, high if high > low else low + 1)


def sample_pixels(pixels: np.ndarray, padding: tuple[float, float] | None) -> np.ndarray:
    """Some finite pixels that are not padding, (N,)."""
    step = max(1, int(np.ceil((pixels.size / _SAMPLE) ** (1 / pixels.ndim))))
    sample = pixels[(slice(None, None, step),) * pixels.ndim]
    padded = padded_pixels(sample, padding)
    return np.asarray(sample[np.isfinite(sample) if padded is None else np.isfinite(sample) & ~padded])


def _holds(window: Window, sample: np.ndarray) -> bool:
    inside = np.count_nonzero((sample >= window.low) & (sample <= window.high))
    if inside <= _LEAST * sample.size:
        return False
    return bool(float(sample.max()) - float(sample.min()) >= window.width * _FLAT)
