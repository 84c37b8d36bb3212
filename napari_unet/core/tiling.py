"""Tiles that give exactly the whole image's result, for networks of finite receptive field.

Tiles stand flush with the image's border; a halo is read only at inner seams, and every tile begins at a
multiple of the network's total stride. Nothing is blended: a halo that covers the receptive field leaves no
seam to hide. The image counts as padded at the far end of each axis (bottom, right) to a multiple of the
stride by repeating its last pixel; the result is cut back to the image.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from napari_unet.core.events import TileDone
from napari_unet.core.network_facts import NetworkFacts

Slices = tuple[slice, ...]


@dataclass(frozen=True)
class Tile:
    """read : what the network sees, in the padded image. keep : what its result fills, in the image.

    keep_in_read : the same pixels as `keep`, counted from the start of `read`.
    """

    read: Slices
    keep: Slices
    keep_in_read: Slices


@dataclass(frozen=True)
class TilePlan:
    """How an image of `shape`, (Y, X) or (Z, Y, X), is cut.

    core : side of what a tile keeps. halo : what it reads beyond that at inner seams; at least the receptive
    field's radius makes the result exact. stride : the network's total stride. core and halo, in pixels, are
    multiples of it.
    """

    shape: tuple[int, ...]
    core: int
    halo: int
    stride: int

    def __post_init__(self) -> None:
        if not self.shape or min(self.shape) < 1:
            raise ValueError(f"every axis must have a pixel, got shape {self.shape}")
        if self.stride < 1 or self.core < 1 or self.halo < 0:
            raise ValueError("core and stride must be at least 1 pixel, halo at least 0")
        if self.core % self.stride or self.halo % self.stride:
            raise ValueError(f"core {self.core} and halo {self.halo} must be multiples of {self.stride}")

    @property
    def padded_shape(self) -> tuple[int, ...]:
        """`shape` with every axis rounded up to a multiple of the stride."""
        return tuple(-(-n // self.stride) * self.stride for n in self.shape)

    @property
    def count(self) -> int:
        """Number of tiles."""
        return prod(-(-n // self.core) for n in self.shape)

    def tiles(self) -> Iterator[Tile]:
        """All tiles in array order; every pixel of the image is kept by exactly one."""
        axes = zip(self.shape, self.padded_shape, strict=True)
        for cuts in product(*(_cuts(n, padded, self.core, self.halo) for n, padded in axes)):
            read, keep, keep_in_read = zip(*cuts, strict=True)
            yield Tile(read, keep, keep_in_read)


def plan_tiles(facts: NetworkFacts, shape: tuple[int, ...], core: int) -> TilePlan:
    """The plan that gives the whole image's result, for a network of these facts. Needs no torch.

    core : about how many pixels per side a tile keeps of an image; in a volume it keeps as many in all. There
    is one tile where every pixel depends on all.
    """
    stride, radius = facts.stride, facts.receptive_radius
    side = round(core ** (2 / len(shape)))
    if radius is None:
        side, radius = max(shape), 0
    return TilePlan(shape, -(-side // stride) * stride, -(-radius // stride) * stride, stride)


def predict_tiled(
    image: np.ndarray, predict: Callable[[np.ndarray], np.ndarray], plan: TilePlan
) -> Generator[TileDone, None, np.ndarray]:
    """Runs `predict` on every tile, yields TileDone after each, returns float32 (C, *plan.shape).

    image : *plan.shape, with axes before them or without (channels). predict : takes part of the image, with
    all channels, and returns (C, *shape of that part). Close the generator to cancel.
    Raises ValueError if the plan is for another shape or `predict` returns another one.
    """
    first = image.ndim - len(plan.shape)
    if image.shape[max(0, first) :] != plan.shape:
        raise ValueError(f"the plan is for {plan.shape}, the image is {image.shape}")
    result: np.ndarray | None = None
    for done, tile in enumerate(plan.tiles(), start=1):
        read = _read(image, tile.read)
        part = predict(read)
        if part.shape[1:] != read.shape[first:]:
            raise ValueError(f"predict returned {part.shape} for a tile of {read.shape}")
        if result is None:
            result = np.empty((len(part), *plan.shape), np.float32)
        result[:, *tile.keep] = part[:, *tile.keep_in_read]
        yield TileDone(done, plan.count)
    assert result is not None  # a plan has at least one tile
    return result


def _cuts(length: int, padded: int, core: int, halo: int) -> Iterator[tuple[slice, slice, slice]]:
    """(read, keep, keep in read) along one axis."""
    for start in range(0, length, core):
        read = slice(max(0, start - halo), min(padded, start + core + halo))
        keep = slice(start, min(length, start + core))
        yield read, keep, slice(keep.start - read.start, keep.stop - read.start)


def _read(image: np.ndarray, read: Slices) -> np.ndarray:
    """`image[..., *read]`; what lies beyond the image's far ends repeats its last pixel."""
    first = image.ndim - len(read)
    missing = [(0, max(0, cut.stop - n)) for cut, n in zip(read, image.shape[first:], strict=True)]
    part = image[(slice(None),) * first + read]
    return np.pad(part, [(0, 0)] * first + missing, mode="edge") if any(end for _, end in missing) else part
