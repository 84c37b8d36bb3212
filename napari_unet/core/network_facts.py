"""What is known of a network without building it: what its inputs and tiles need, and its drawing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import floor, log2

_LARGEST = 65536  # pixels; of a network that anybody could run


@dataclass(frozen=True)
class NetworkFacts:
    """Derived from the network when its model is saved; kept inside the model card.

    axes, channels : of its input. stride : of which every side of its input is a multiple, in pixels.
    receptive_radius : no input pixel farther than this from an output pixel affects it; None: all do.
    output_margin : what its output loses on each side, and for which the image's borders are mirrored. cell :
    of one that scores findings, the pixels of its input per side of a cell of its map; else None.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (no field: misspelt facts are reported)

    axes: int
    channels: int
    stride: int
    receptive_radius: int | None
    output_margin: int = 0
    cell: int | None = None

    def __post_init__(self) -> None:
        for name in ("axes", "channels", "stride"):
            if not 1 <= getattr(self, name) <= _LARGEST:
                raise ValueError(f"{name} must be 1 to {_LARGEST}, got {getattr(self, name)}")
        for name in ("receptive_radius", "output_margin", "cell"):
            if not 0 <= (getattr(self, name) or 0) <= _LARGEST:
                raise ValueError(f"{name} must be 0 to {_LARGEST}, got {getattr(self, name)}")

    def in_words(self) -> str:
        """For people, as in "stride 16, receptive radius 107 pixels"."""
        radius = "everything" if self.receptive_radius is None else f"{self.receptive_radius} pixels"
        margin = f", borders mirrored by {self.output_margin} pixels" if self.output_margin else ""
        return f"stride {self.stride}, receptive radius {radius}{margin}"


LEVEL_NAME = re.compile(r"^(?P<of>.*?)(?P<part>encoder|up|decoder)\.(?P<level>\d+)$")
"""The name of a stage that is a level of an encoder or a decoder; level 0 is the finest."""

_PARTS = {"encoder": "encoder", "decoder": "decoder", "up": "up-convolution"}


def stage_words(name: str) -> str:
    """What people call a stage: "encoder level 1" for "encoder.0". Levels count from 1, the finest."""
    found = LEVEL_NAME.match(name)
    if found is None:
        return name
    of = found["of"].rstrip(".")
    return f"{of + ' ' if of else ''}{_PARTS[found['part']]} level {int(found['level']) + 1}"


@dataclass(frozen=True)
class Stage:
    """One stage of a network for one size of input.

    Parameters
    ----------
    name : str
        Where it is in the network, such as "encoder.0".
    size : tuple of int
        Of its output, in pixels, (Y, X) or (Z, Y, X); ones behind connected layers.
    channels : int
        Of its output.
    parameters : int
    field : int or None
        Side of its theoretical receptive field in pixels of the input; None if it sees the whole image.
    """

    name: str
    size: tuple[int, ...]
    channels: int
    parameters: int
    field: int | None


@dataclass(frozen=True)
class NetworkDrawing:
    """The stages of a network, in the order in which they run.

    Parameters
    ----------
    input_size : tuple of int
        In pixels, with the mirrored border of a network without padding.
    stages : tuple of Stage
    parameters : int
        Of the whole network.
    multiply_adds : int
        Of the convolutions and connected layers for one input.
    """

    input_size: tuple[int, ...]
    stages: tuple[Stage, ...]
    parameters: int
    multiply_adds: int

    def level(self, stage: Stage) -> int:
        """How often the side of the input was halved before this stage, rounded down."""
        return max(0, floor(log2(max(self.input_size) / max(stage.size))))
