"""InputRule: which pixels of an image a network sees, and on which grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from napari_unet.core.errors import UserError
from napari_unet.core.input_check import LARGEST

_FINEST, _COARSEST = 0.005, 50.0  # mm of a pixel
_MOST_NEIGHBOURS = 16
_MOST_PIXELS = LARGEST**2  # of a field; a volume has no more of them than the largest image
_AXES = (2, 3)


@dataclass(frozen=True)
class InputRule:
    """How an image becomes an input: the whole field at a fixed size, at a spacing, or as it is.

    size : one number per axis; the whole field is resized to it. spacing_mm : one per axis; the field is
    resampled to it and tiled. Neither: native pixels, tiled. At most one of the two is set.
    axes : 2, an image or each slice of a stack, (Y, X); 3, a volume (Z, Y, X). neighbours : of slices, how
    many on each side are further channels: these are the slices z - neighbours to z + neighbours, and at the
    ends of the stack the last slice is repeated.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (no field: misspelt settings are reported)

    size: tuple[int, ...] | None = None
    spacing_mm: tuple[float, ...] | None = None
    axes: int = 2
    neighbours: int = 0

    def __post_init__(self) -> None:
        if self.axes not in _AXES:
            raise ValueError(f"an input has 2 or 3 axes, not {self.axes}")
        if self.size is not None and self.spacing_mm is not None:
            raise ValueError("an input has a size or a spacing, not both")
        for what, numbers in (("size", self.size), ("spacing", self.spacing_mm)):
            if numbers is not None and len(numbers) != self.axes:
                raise ValueError(f"a {what} has {self.axes} numbers, one an axis")
        if self.size is not None and not all(1 <= n <= LARGEST for n in self.size):
            raise ValueError(f"a size has 1 to {LARGEST} pixels a side")
        if self.size is not None and prod(self.size) > _MOST_PIXELS:
            raise ValueError(f"a size has at most {_MOST_PIXELS} pixels in all")
        if self.spacing_mm is not None and not all(_FINEST <= n <= _COARSEST for n in self.spacing_mm):
            raise ValueError(f"a spacing is {_FINEST} to {_COARSEST} mm")
        if not 0 <= self.neighbours <= (_MOST_NEIGHBOURS if self.axes == 2 else 0):
            raise ValueError(f"slices have 0 to {_MOST_NEIGHBOURS} neighbours on each side, volumes none")

    @property
    def channels(self) -> int:
        """How many the input has."""
        return 2 * self.neighbours + 1

    def slices(self, z: int, count: int) -> tuple[int, ...]:
        """The slices of a stack of `count` that are the channels where `z` is the one in the middle."""
        return tuple(min(max(k, 0), count - 1) for k in range(z - self.neighbours, z + self.neighbours + 1))

    def grid(self, shape: tuple[int, ...], spacing_mm: tuple[float, ...] | None) -> tuple[int, ...]:
        """What a field of `shape`, one number per axis, has for the network. spacing_mm : of the field.

        Raises UserError if the rule needs a spacing that is not there, or that would make it too large.
        """
        if self.size is not None:
            return self.size
        if self.spacing_mm is None:
            return shape
        if spacing_mm is None:
            raise UserError(
                "The model needs the pixel spacing, and this image has none.", "Give the spacing in mm."
            )
        steps = zip(shape, spacing_mm[-self.axes :], self.spacing_mm, strict=True)
        grid = tuple(max(1, round(n * have / want)) for n, have, want in steps)
        if max(grid) > LARGEST or prod(grid) > _MOST_PIXELS:
            pixels = " × ".join(map(str, grid[::-1]))
            raise UserError(
                f"At the model's pixel spacing the image would have {pixels} pixels.",
                "Check the image's spacing in mm.",
            )
        return grid

    def larger(self, factor: float) -> InputRule:
        """The same rule at `factor` times its size. Raises ValueError for a rule without a size."""
        if self.size is None:
            raise ValueError("the rule has no size")
        return replace(self, size=tuple(round(n * factor) for n in self.size))

    def in_words(self) -> str:
        """For people, as in "the whole image at 256 × 256 pixels"."""
        what = "image" if self.axes == 2 else "volume"
        if self.size:
            words = f"the whole {what} at {' × '.join(map(str, self.size[::-1]))} pixels"
        elif self.spacing_mm and len(set(self.spacing_mm)) == 1:
            words = f"{self.spacing_mm[0]:g} mm a pixel, in tiles"
        elif self.spacing_mm:
            words = f"{' × '.join(f'{n:g}' for n in self.spacing_mm[::-1])} mm a pixel, in tiles"
        else:
            words = "native pixels, in tiles"
        beside = f", each slice with {self.neighbours} on either side" if self.neighbours else ""
        return words + beside
