"""Images and maps to another size."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def resized(pixels: np.ndarray | Tensor, size: tuple[int, int]) -> Tensor:
    """float32 (1, C, *size) of a (Y, X) image or (C, Y, X) maps: area mean where it shrinks, else bilinear.

    Pixel centres are aligned as `scipy.ndimage.zoom(grid_mode=True)` does, so that nothing shifts. An area
    mean is taken over whole pixels: its centre may be off by half a pixel of the input.
    """
    x = torch.as_tensor(_plain(pixels) if isinstance(pixels, np.ndarray) else pixels).float()
    x = x[(None,) * (4 - x.ndim)]
    height, width = (min(a, b) for a, b in zip(size, x.shape[-2:], strict=True))
    if (height, width) != x.shape[-2:]:
        x = functional.interpolate(x, (height, width), mode="area")
    if (height, width) != size:
        x = functional.interpolate(x, size, mode="bilinear", align_corners=False)
    return x


def _plain(pixels: np.ndarray) -> np.ndarray:
    """An array torch can take over: contiguous, native byte order, no type that torch lacks."""
    if pixels.dtype.kind == "b":
        return pixels.astype(np.uint8)
    if not pixels.dtype.isnative or pixels.dtype.itemsize > 4 or pixels.dtype == np.uint32:
        return pixels.astype(np.float32)
    return np.require(pixels, requirements=("C_CONTIGUOUS", "WRITEABLE"))
