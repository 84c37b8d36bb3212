"""A case by two models, small enough to go to the window and to be looked at; no torch."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from napari_unet.core.resize import thinned

LARGEST = 1024
"""Pixels of the longer side of what is shown: more is not seen, and would keep the window."""


@dataclass(frozen=True)
class ComparedCase:
    """Masks of the old and the new model on one plane of a case. packed : both, see `masks`.

    image : uint8 of `shape`, for what the window cannot read from a file; else None.
    """

    shape: tuple[int, int]
    packed: bytes
    image: np.ndarray | None = None

    @classmethod
    def of(cls, old: np.ndarray, new: np.ndarray, image: np.ndarray | None = None) -> ComparedCase:
        """Of bool masks (Y, X) or (Z, Y, X), of which the slice in the middle is kept."""
        planes = [shown_pixels(middle(mask)) for mask in (old, new)]
        bits = np.packbits(np.stack(planes))
        height, width = planes[0].shape
        return cls((height, width), zlib.compress(bits.tobytes(), 1), image)

    def masks(self) -> tuple[np.ndarray, np.ndarray]:
        """bool (Y, X) of the old and of the new model."""
        bits = np.frombuffer(zlib.decompress(self.packed), np.uint8)
        count = 2 * self.shape[0] * self.shape[1]
        old, new = np.unpackbits(bits, count=count).astype(bool).reshape(2, *self.shape)
        return old, new


def middle(pixels: np.ndarray) -> np.ndarray:
    """(Y, X): the image itself, or of a stack the slice in its middle."""
    return pixels if pixels.ndim == 2 else pixels[len(pixels) // 2]


def shown_pixels(plane: np.ndarray) -> np.ndarray:
    """A copy of (Y, X) whose longer side has at most LARGEST pixels."""
    return np.array(thinned(plane, LARGEST))
