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
from typing import NamedTuple

import numpy as np

from napari_unet.core.events import TileDone
from napari_unet.core.network_facts import NetworkFacts

Slices = tuple[slice, ...]
_MOST_CUTS = 12  # along an axis, of tiles of even size


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

    core : what a tile keeps along each axis (one number for all) where it has seams on both sides. halo :
    what it reads beyond that at inner seams; at least the receptive field's radius makes the result exact. A
    tile at the image's border has no halo there, and keeps so much more: all read `core` and two halos at
    most. stride : the network's total stride. core and halo, in pixels, are multiples of it.
    """

    shape: tuple[int, ...]
    core: int | tuple[int, ...]
    halo: int
    stride: int

    def __post_init__(self) -> None:
        if not self.shape or min(self.shape) < 1:
            raise ValueError(f"every axis must have a pixel, got shape {self.shape}")
        if len(self.cores) != len(self.shape):
            raise ValueError(f"{len(self.cores)} cores for {len(self.shape)} axes")
        if self.stride < 1 or min(self.cores) < 1 or self.halo < 0:
            raise ValueError("core and stride must be at least 1 pixel, halo at least 0")
        if any(core % self.stride for core in self.cores) or self.halo % self.stride:
            raise ValueError(f"core {self.core} and halo {self.halo} must be multiples of {self.stride}")

    @property
    def cores(self) -> tuple[int, ...]:
        """`core` of each axis."""
        return (self.core,) * len(self.shape) if isinstance(self.core, int) else self.core

    @property
    def padded_shape(self) -> tuple[int, ...]:
        """`shape` with every axis rounded up to a multiple of the stride."""
        return tuple(-(-n // self.stride) * self.stride for n in self.shape)

    @property
    def count(self) -> int:
        """Number of tiles."""
        return prod(len(cuts) for cuts in self._cuts())

    def tiles(self) -> Iterator[Tile]:
        """All tiles in array order; every pixel of the image is kept by exactly one."""
        for cuts in product(*self._cuts()):
            read, keep, keep_in_read = zip(*cuts, strict=True)
            yield Tile(read, keep, keep_in_read)

    def _cuts(self) -> list[list[tuple[slice, slice, slice]]]:
        axes = zip(self.shape, self.padded_shape, self.cores, strict=True)
        return [list(_cuts(n, padded, core, self.halo)) for n, padded, core in axes]


def plan_tiles(facts: NetworkFacts, shape: tuple[int, ...], core: int) -> TilePlan:
    """The plan that gives the whole image's result, for a network of these facts. Needs no torch.

    core : pixels per side that a square tile with seams all around would keep of an image; in a volume as
    many in all. No tile reads more than that one. Of the plans that keep to it, the one that reads the fewest
    pixels is taken: its tiles may be long. There is one tile where every pixel depends on all.
    """
    stride, radius = facts.stride, facts.receptive_radius
    if radius is None:
        return TilePlan(shape, -(-max(shape) // stride) * stride, 0, stride)
    side = -(-round(core ** (2 / len(shape))) // stride) * stride
    halo = -(-radius // stride) * stride
    largest = (side + 2 * halo) ** len(shape)
    axes = [[_along(n, one, halo, stride) for one in _cores(n, side, halo, stride)] for n in shape]
    fitting = (plan for plan in product(*axes) if prod(axis.longest for axis in plan) <= largest)
    best = min(
        fitting, key=lambda plan: (prod(axis.read for axis in plan), prod(axis.tiles for axis in plan))
    )
    return TilePlan(shape, tuple(axis.core for axis in best), halo, stride)


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
    start = 0
    while start < length:
        first = max(0, start - halo)
        last = min(padded, first + core + 2 * halo)
        stop = length if last == padded else last - halo
        yield slice(first, last), slice(start, stop), slice(start - first, stop - first)
        start = stop


class _Axis(NamedTuple):
    """What cutting one axis costs. read : pixels that its tiles read together; longest : that one reads."""

    core: int
    read: int
    longest: int
    tiles: int


def _along(length: int, core: int, halo: int, stride: int) -> _Axis:
    reads = [cut.stop - cut.start for cut, _, _ in _cuts(length, -(-length // stride) * stride, core, halo)]
    return _Axis(core, sum(reads), max(reads), len(reads))


def _cores(length: int, side: int, halo: int, stride: int) -> Iterator[int]:
    """Those worth a look: `side`, and what cuts an axis into 1, 2, 3, … tiles that read about the same."""
    yield side
    for count in range(1, _MOST_CUTS + 1):
        read = -(-(length + 2 * halo * (count - 1)) // count)
        core = -(-read // stride) * stride - 2 * halo
        if count == 1:
            yield max(stride, core)
        elif core >= stride:
            yield core
        else:
            return


def _read(image: np.ndarray, read: Slices) -> np.ndarray:
    """`image[..., *read]`; what lies beyond the image's far ends repeats its last pixel."""
    first = image.ndim - len(read)
    missing = [(0, max(0, cut.stop - n)) for cut, n in zip(read, image.shape[first:], strict=True)]
    part = image[(slice(None),) * first + read]
    return np.pad(part, [(0, 0)] * first + missing, mode="edge") if any(end for _, end in missing) else part
