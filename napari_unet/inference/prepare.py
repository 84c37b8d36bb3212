"""Images as a network takes them, and maps to another size."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from napari_unet.core.intensity import IntensityRule


def network_input(
    pixels: np.ndarray, rule: IntensityRule, size: tuple[int, int], inverted: bool = False
) -> np.ndarray:
    """float32 (*size) in 0..1 of raw pixels (Y, X), for a network that sees the whole image.

    The only way there: segmenting, training, fine-tuning and simulating see the same numbers. First the size,
    then the grey values. inverted : bones are dark.
    """
    return rule.apply(resized(pixels, size)[0, 0].numpy(), inverted)


def resized(pixels: np.ndarray | Tensor, size: tuple[int, int]) -> Tensor:
    """float32 (1, C, *size) of a (Y, X) image or (C, Y, X) maps: area mean where it shrinks, else bilinear.

    Pixel centres are aligned as `scipy.ndimage.zoom(grid_mode=True)` does, so that nothing shifts. An area
    mean is taken over whole pixels: its centre may be off by half a pixel of the input.
    """
    x = torch.as_tensor(_plain(pixels)) if isinstance(pixels, np.ndarray) else pixels.float()
    x = x[(None,) * (4 - x.ndim)]
    height, width = (min(a, b) for a, b in zip(size, x.shape[-2:], strict=True))
    if (height, width) != x.shape[-2:]:
        x = functional.interpolate(x, (height, width), mode="area")
    return x if (height, width) == size else _enlarged(x, size)


def _plain(pixels: np.ndarray) -> np.ndarray:
    """float32 that torch can take over: contiguous, writeable, native byte order."""
    return np.require(pixels, np.float32, ("C_CONTIGUOUS", "WRITEABLE"))


def _enlarged(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear, into memory from numpy: on Linux that comes in large pages, a third faster at 4096×4096."""
    enlarged = torch.from_numpy(np.empty((*x.shape[:2], *size), np.float32))
    torch.ops.aten.upsample_bilinear2d.out(x, size, False, out=enlarged)
    return enlarged
