"""Settings of the random changes in augment.py; the window reads them without torch."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict


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
