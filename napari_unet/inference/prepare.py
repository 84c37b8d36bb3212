"""Images as a network takes them, and maps to another size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.masks import MaskRule
from napari_unet.core.orientation import axes_towards
from napari_unet.core.padding import box_of_slices, padding_as_nan, without_padding
from napari_unet.core.raster import Raster
from napari_unet.core.resize import shrunk

Field = tuple[np.ndarray, tuple[slice, ...]]
"""What a network sees at once, (channels, *axes), and where in the image or slice it was cut out."""

_T = TypeVar("_T")
_ENLARGE = {2: torch.ops.aten.upsample_bilinear2d.out, 3: torch.ops.aten.upsample_trilinear3d.out}


def field_of(raster: Raster, rule: InputRule, z: int = 0, box: tuple[slice, ...] | None = None) -> Field:
    """The raw pixels (channels, *axes) that a network sees at once, and where they were cut out.

    z : of a stack, the slice in the middle; its neighbours are further channels, the first of them towards
    the feet where the affine says so. A border of padding is cut off (of the slice in the middle, or of the
    volume), other padding is NaN. box : rows and columns to be cut out of a slice instead, see `common_box`.
    Not for an image where the rule is for volumes.
    """
    if rule.axes == 3:
        field, box = without_padding(raster.pixels, raster.padding)
        return field[None], box
    stack = raster.pixels if raster.pixels.ndim == 3 else raster.pixels[None]
    if box is None:
        middle, box = without_padding(stack[z], raster.padding)
        if not rule.neighbours:
            return middle[None], box
    order, towards = rule.slices(z, len(stack)), axes_towards(raster.affine)
    if towards is not None and towards[0] == "I":
        order = order[::-1]
    return np.stack([padding_as_nan(stack[k][box], raster.padding) for k in order]), box


def common_box(raster: Raster, rule: MaskRule) -> tuple[slice, slice] | None:
    """Rows and columns that all slices of a stack keep, if they are those of one volume; else None."""
    if raster.pixels.ndim == 2 or rule.per_slice:
        return None
    return box_of_slices(raster.pixels, raster.padding)


def field_at_size(raster: Raster, rule: InputRule, z: int = 0, box: tuple[slice, ...] | None = None) -> Field:
    """`field_of`, brought to the rule's size if it has one."""
    field, box = field_of(raster, rule, z, box)
    return (field if rule.size is None else resized(field, rule.size)[0].numpy()), box


def ahead(read: Callable[[int], _T], count: int, first: int = 0) -> Iterator[Callable[[], _T]]:
    """What gives `read(z)` of `count` slices, from `first` on; the next is read while this one is in use."""
    with ThreadPoolExecutor(1, "ahead") as pool:
        following = [pool.submit(read, first)] if count > 0 else []
        for z in range(first, first + count):
            this, following = following, [pool.submit(read, z + 1)] if z + 1 < first + count else []
            yield this[0].result


def network_input(
    field: np.ndarray,
    rule: InputRule,
    intensity: IntensityRule,
    inverted: bool = False,
    spacing_mm: tuple[float, ...] | None = None,
) -> np.ndarray:
    """float32 (channels, *grid) in 0..1 of raw pixels (channels, *axes), see `field_of`.

    The only way there: segmenting, training, fine-tuning and simulating see the same numbers. First the size,
    then the grey values, of each channel by itself. inverted : bones are dark. spacing_mm : of the axes.
    Raises UserError as `InputRule.grid` does.
    """
    if rule.size is not None or rule.spacing_mm is not None:
        field = resized(field, rule.grid(field.shape[1:], spacing_mm))[0].numpy()
    return np.stack([intensity.apply(channel, inverted) for channel in field])


def resized(pixels: np.ndarray | Tensor, size: tuple[int, ...]) -> Tensor:
    """float32 (1, C, *size) of an image (*axes) or maps (C, *axes): area mean where it shrinks, else linear.

    Pixel centres are aligned as `scipy.ndimage.zoom(grid_mode=True)` does, so that nothing shifts. An area
    mean is taken over whole pixels: its centre may be off by half a pixel of the input.
    """
    x = torch.as_tensor(_plain(shrunk(pixels, size))) if isinstance(pixels, np.ndarray) else pixels.float()
    x = x[(None,) * (len(size) + 2 - x.ndim)]
    smaller = tuple(min(a, b) for a, b in zip(size, x.shape[2:], strict=True))
    if smaller != x.shape[2:]:
        x = functional.interpolate(x, smaller, mode="area")
    return x if smaller == size else _enlarged(x, size)


def _plain(pixels: np.ndarray) -> np.ndarray:
    """float32 that torch can take over: contiguous, writeable, native byte order."""
    return np.require(pixels, np.float32, ("C_CONTIGUOUS", "WRITEABLE"))


def _enlarged(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Linear, into memory from numpy: on Linux that comes in large pages, a third faster at 4096×4096."""
    enlarged = torch.from_numpy(np.empty((*x.shape[:2], *size), np.float32))
    _ENLARGE[len(size)](x, size, False, out=enlarged)
    return enlarged
