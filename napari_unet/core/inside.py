"""What is asked about the inside of a network, and what is answered. No torch: it goes to the window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from napari_unet.core.network_facts import NetworkDrawing
from napari_unet.core.raster import Raster
from napari_unet.core.standing import Turn

MOST_MAPS = 64
"""Feature maps that are shown of one stage: those that matter most."""


@dataclass(frozen=True)
class Place:
    """Where the pixels of a map lie in an image, (row, column) in pixels of the image.

    origin : centre of the map's first pixel. step : from one pixel of the map to the next.
    """

    origin: tuple[float, float]
    step: tuple[float, float]

    def turned(self, turn: Turn, size: tuple[int, int], shape: tuple[int, int]) -> Place:
        """The place of the turned map, of `size`, in the turned image, of `shape`."""
        first = (
            length - 1 - at - (count - 1) * step if flipped else at
            for at, step, count, length, flipped in zip(
                self.origin, self.step, size, shape, (turn.rows, turn.columns), strict=True
            )
        )
        row, column = first
        return Place((row, column), self.step)


@dataclass(frozen=True)
class Alteration:
    """What is changed in a network while it is looked at. It is as it was afterwards.

    cut : levels whose skip connection brings zeros, 0 is the finest. silenced : stages whose output is zeros.
    silenced_maps : single maps of a stage, (stage, map). padding : True pads the 3×3 convolutions with zeros,
    False mirrors the image's border in place of that; None leaves it as it is.
    """

    cut: frozenset[int] = frozenset()
    silenced: frozenset[str] = frozenset()
    silenced_maps: frozenset[tuple[str, int]] = frozenset()
    padding: bool | None = None

    def __bool__(self) -> bool:
        return bool(self.cut or self.silenced or self.silenced_maps) or self.padding is not None


@dataclass(frozen=True)
class Anatomy:
    """What a network is made of, for one size of input.

    skips : levels with a skip connection. up : of each level, whether it is enlarged by a "transposed"
    convolution or by "interpolation"; empty without a decoder. residual : stages with a shortcut. padded :
    whether 3×3 convolutions are padded; None where that cannot be switched. kinds : the network and what it
    is beside, by their names in the registry.
    """

    drawing: NetworkDrawing
    skips: tuple[int, ...] = ()
    up: tuple[str, ...] = ()
    residual: tuple[str, ...] = ()
    padded: bool | None = None
    kinds: tuple[str, ...] = ()

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages with maps, in the order in which they run."""
        return tuple(stage.name for stage in self.drawing.stages if max(stage.size) > 1)


# -- questions --


@dataclass(frozen=True)
class AskMaps:
    """Which maps does this stage make of the image, and how much does each matter for the mask here?

    most : how many maps are wanted. alteration : of the network, but for its padding, which stays: maps of a
    network whose padding is switched lie elsewhere.
    """

    stage: str
    most: int = MOST_MAPS
    alteration: Alteration = Alteration()


@dataclass(frozen=True)
class AskField:
    """On which pixels of the image does the answer at this pixel, (row, column), depend?"""

    pixel: tuple[int, int]


@dataclass(frozen=True)
class AskMask:
    """Which mask does the network draw if it is altered so?"""

    alteration: Alteration = Alteration()


@dataclass(frozen=True)
class AskLook:
    """What does one operation do with this image? See inference.inside.operations.

    operation : its name. stage : where; "" for a good example. pixel : (row, column) of the image; None for
    the middle of the mask's border.
    """

    operation: str
    stage: str = ""
    pixel: tuple[int, int] | None = None


Question = AskMaps | AskField | AskMask | AskLook


# -- answers --


@dataclass(frozen=True)
class FeatureMaps:
    """Maps of a stage, the one that matters most for the mask first.

    maps : uint8 (K, y, x), each from its lowest to its highest value. ranges : float32 (K, 2), these values.
    order : the number of each in the stage. weights : how much each matters, see
    inference.inside.feature_maps. count : of all maps of the stage. place : of the maps in the image.
    alteration : of the network that made them.
    """

    stage: str
    maps: np.ndarray
    ranges: np.ndarray
    order: tuple[int, ...]
    weights: tuple[float, ...]
    count: int
    place: Place
    alteration: Alteration = Alteration()

    def turned(self, turn: Turn, shape: tuple[int, int]) -> FeatureMaps:
        """The same for the turned image of `shape`."""
        height, width = self.maps.shape[1:]
        return replace(
            self, maps=turn.pixels(self.maps), place=self.place.turned(turn, (height, width), shape)
        )


@dataclass(frozen=True)
class ReceptiveField:
    """What the answer at a pixel depends on.

    pixel : (row, column) in the image. box : first row, end row, first column, end column in the image of the
    theoretical field, as floats. side : of that field in pixels of the network's input; None if it is all.
    measured : uint8 (y, x) on the network's grid, the size of the gradient, 255 where it is largest. place :
    of that. half, most : sides of the squares around the pixel that hold half and 95 % of the gradient, in
    pixels of the network's input.
    """

    pixel: tuple[int, int]
    box: tuple[float, float, float, float]
    side: int | None
    measured: np.ndarray
    place: Place
    half: int
    most: int

    def turned(self, turn: Turn, shape: tuple[int, int]) -> ReceptiveField:
        """The same for the turned image of `shape`."""
        height, width = self.measured.shape
        top, bottom, left, right = self.box
        row, column = self.pixel
        if turn.rows:
            top, bottom, row = shape[0] - bottom, shape[0] - top, shape[0] - 1 - row
        if turn.columns:
            left, right, column = shape[1] - right, shape[1] - left, shape[1] - 1 - column
        return replace(
            self,
            pixel=(row, column),
            box=(top, bottom, left, right),
            measured=turn.pixels(self.measured),
            place=self.place.turned(turn, (height, width), shape),
        )


@dataclass(frozen=True)
class AlteredMask:
    """The mask of an altered network, beside that of the network as it is.

    labels, unaltered : uint8 (Y, X) of the image. dice : of the two; 1 where both are empty. distance : mean
    distance between their borders in `unit`, nan where one of them has none. scores : of findings. seconds :
    of one pass through the altered network.
    """

    alteration: Alteration
    labels: np.ndarray
    unaltered: np.ndarray
    dice: float
    distance: float
    unit: str
    scores: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    def turned(self, turn: Turn, shape: tuple[int, int]) -> AlteredMask:
        """The same for the turned image of `shape`."""
        return replace(self, labels=turn.pixels(self.labels), unaltered=turn.pixels(self.unaltered))


@dataclass(frozen=True)
class Panel:
    """One picture of several that show something together. name : of its caption (napari_unet.tour).

    pixels : uint8 (y, x) or (y, x, 3). numbers : float (rows, columns), written into cells; either may be
    None. facts : what its caption fills in.
    """

    name: str
    pixels: np.ndarray | None = None
    numbers: np.ndarray | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """Pictures and figures that belong together: of an operation, or of a stop of the tour.

    name : of its sentence (napari_unet.tour). facts : what the sentence fills in. missing : models that it
    needs and that are not in the library.
    """

    name: str
    panels: tuple[Panel, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    def turned(self, turn: Turn, shape: tuple[int, int]) -> Look:
        """Itself: it shows what the network sees."""
        return self


Answer = FeatureMaps | ReceptiveField | AlteredMask | Look


# -- events and results of the lineage --


@dataclass(frozen=True)
class WindowsDone:
    """A sliding window has come so far. labels : uint8 (y, x) of the network's grid, 1 where it found lung.

    done, total : windows. seconds : since it began. row : that it is in. place : of the labels in the image.
    """

    done: int
    total: int
    seconds: float
    row: int
    labels: np.ndarray
    place: Place


@dataclass(frozen=True)
class NetworkDone:
    """One network of the lineage on the image: a mask, or a word.

    labels : uint8 (Y, X); None for one that draws no mask. scores : of findings. seconds : of the second run,
    without loading. parameters : of the network. missing : it is not in the library.
    """

    name: str
    title: str = ""
    labels: np.ndarray | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    parameters: int = 0
    missing: bool = False


def slab(raster: Raster, index: int, neighbours: int) -> tuple[Raster, int]:
    """The slices of a stack that are needed to look at one of them, and which of these that one is.

    neighbours : slices on each side that the model sees too.
    """
    first, end = max(0, index - neighbours), min(len(raster.pixels), index + neighbours + 1)
    return replace(raster, pixels=raster.pixels[first:end], frame=None), index - first
