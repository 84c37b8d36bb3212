"""Window and level: which pixel values are shown as black and as white. Display only; no pixel is changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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


def full_window(pixels: np.ndarray) -> Window:
    """From the lowest to the highest finite value; bytes always count as 0..255.

    About a quarter of a million pixels are looked at (regular steps), so that it takes a few ms at any size.
    A constant image gets a window of width 1 from its value upwards; without any finite pixel it is 0..1.
    """
    if pixels.dtype == np.uint8:
        return Window(0.0, 255.0)
    step = max(1, int(np.ceil((pixels.size / _SAMPLE) ** (1 / pixels.ndim))))
    sample = pixels[(slice(None, None, step),) * pixels.ndim]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return Window(0.0, 1.0)
    low, high = float(sample.min()), float(sample.max())
    return Window(low, high if high > low else low + 1)
