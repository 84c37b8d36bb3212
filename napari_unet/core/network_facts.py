"""NetworkFacts: what must be known of a network to make its inputs and plan its tiles without building it."""

from __future__ import annotations

from dataclasses import dataclass

_LARGEST = 65536  # pixels; of a network that anybody could run


@dataclass(frozen=True)
class NetworkFacts:
    """Derived from the network when its model is saved; kept inside the model card.

    axes, channels : of its input. stride : of which every side of its input is a multiple, in pixels.
    receptive_radius : no input pixel farther than this from an output pixel affects it; None: all do.
    output_margin : what its output loses on each side, and for which the image's borders are mirrored.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (no field: misspelt facts are reported)

    axes: int
    channels: int
    stride: int
    receptive_radius: int | None
    output_margin: int = 0

    def __post_init__(self) -> None:
        for name in ("axes", "channels", "stride"):
            if not 1 <= getattr(self, name) <= _LARGEST:
                raise ValueError(f"{name} must be 1 to {_LARGEST}, got {getattr(self, name)}")
        for name in ("receptive_radius", "output_margin"):
            if not 0 <= (getattr(self, name) or 0) <= _LARGEST:
                raise ValueError(f"{name} must be 0 to {_LARGEST}, got {getattr(self, name)}")

    def in_words(self) -> str:
        """For people, as in "stride 16, receptive radius 107 pixels"."""
        radius = "everything" if self.receptive_radius is None else f"{self.receptive_radius} pixels"
        margin = f", borders mirrored by {self.output_margin} pixels" if self.output_margin else ""
        return f"stride {self.stride}, receptive radius {radius}{margin}"
