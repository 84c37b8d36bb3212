"""Settings of the random changes in augment.py; the window reads them without torch."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict

from napari_unet.training.ct_kinds import Kind

_MOST_PIXELS = 100  # of a displacement


@dataclass(frozen=True)
class AugmentConfig:
    """How strongly samples are changed. Probabilities are per sample; 0 switches a change off.

    turn : by a quarter, a half or three quarters of a full turn. upside_down : mirrored from top to bottom.
    elastic_px : of the random displacements, the standard deviation in pixels of the network's input, on a
    grid of 3×3 points (Ronneberger 2015, section 3.1: 10 pixels); 0: on 5×5 points, 1.25 % of the image's
    sides times `strength`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    strength: float = 1.0
    flip: float = 0.5
    reframe: float = 0.6
    elastic: float = 0.5
    curve: float = 0.7
    field: float = 0.4
    random_convolution: float = 0.25
    detail: float = 0.5
    noise: float = 0.3
    opacity: float = 0.3
    effusion: float = 0.2
    cover: float = 0.25
    turn: float = 0.0
    upside_down: float = 0.0
    elastic_px: float = 0.0

    def __post_init__(self) -> None:
        most = {"strength": 2, "elastic_px": _MOST_PIXELS}
        for name, value in vars(self).items():
            if not 0 <= value <= most.get(name, 1):
                raise ValueError(f"augment.{name} must lie in 0..{most.get(name, 1)}, got {value}")


@dataclass(frozen=True)
class VolumeConfig:
    """How CT volumes change before they are cut into slices, again in each epoch (`volumes.py`).

    after : share of the epochs, the first ones, that see the volumes as they are. Probabilities are per
    volume; 0 switches a change off. disease : simulated disease of one kind, sometimes of two. kinds : which
    are drawn; () means all. spacing : slices of another thickness and distance, 0.5 to 10 mm. kernel :
    sharper or softer. noise : as of a low dose. shift : of all HU. cut : a smaller field of view. metal :
    bright objects with streaks.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    after: float = 0.0
    disease: float = 0.0
    kinds: tuple[Kind, ...] = ()
    spacing: float = 0.0
    kernel: float = 0.0
    noise: float = 0.0
    shift: float = 0.0
    cut: float = 0.0
    metal: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (self._chances | {"after": self.after}).items():
            if not 0 <= value <= 1:
                raise ValueError(f"volumes.{name} must lie in 0..1, got {value}")

    @property
    def _chances(self) -> dict[str, float]:
        return {name: value for name, value in vars(self).items() if name not in ("kinds", "after")}

    @property
    def any(self) -> bool:
        """Whether anything ever changes."""
        return any(self._chances.values())
