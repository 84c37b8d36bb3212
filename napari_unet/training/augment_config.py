"""Settings of the random changes in augment.py; the window reads them without torch."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict

from napari_unet.training.ct_kinds import Kind


@dataclass(frozen=True)
class AugmentConfig:
    """How strongly samples are changed. Probabilities are per sample; 0 switches a change off."""

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

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= 2 or (name != "strength" and value > 1):
                raise ValueError(
                    f"augment.{name} must lie in 0..{2 if name == 'strength' else 1}, got {value}"
                )


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
