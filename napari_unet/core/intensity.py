"""IntensityRule: how raw pixel values become what a network sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class IntensityRule:
    """Maps raw values to 0..1, the same in training and in inference; kept inside the model card.

    kind "percentiles": low and high are percentiles of the image (0..100).
    kind "window": low and high are raw values, for CT in HU.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (no field: misspelt settings are reported)

    kind: Literal["percentiles", "window"]
    low: float
    high: float

    def __post_init__(self) -> None:
        if not -np.inf < self.low < self.high < np.inf:
            raise ValueError(f"low must be under high, both finite, got {self.low} and {self.high}")
        if self.kind == "percentiles" and not 0 <= self.low < self.high <= 100:
            raise ValueError(f"percentiles must lie in 0..100, got {self.low} and {self.high}")

    def limits(self, pixels: np.ndarray) -> tuple[float, float]:
        """Raw values that become 0 and 1; NaN is passed over.

        About a million pixels at most are looked at, in regular steps.
        """
        if self.kind == "window":
            return self.low, self.high
        step = max(1, int(np.ceil((pixels.size / 1_000_000) ** (1 / pixels.ndim))))
        sample = pixels[(slice(None, None, step),) * pixels.ndim]
        if sample.dtype == bool:
            sample = sample.astype(np.uint8)
        if sample.dtype.kind == "f":
            sample = sample[~np.isnan(sample)]
        low, high = np.percentile(sample, [self.low, self.high]) if sample.size else (0.0, 0.0)
        return float(low), float(high)

    def apply(self, pixels: np.ndarray, inverted: bool = False) -> np.ndarray:
        """Pixels as float32 in 0..1, clipped; `inverted` turns black into white; NaN (padding) is black.

        Same shape as the input.
        """
        low, high = self.limits(pixels)
        scale = 1.0 / (high - low) if high > low else 0.0
        scaled = np.clip((pixels.astype(np.float32) - np.float32(low)) * np.float32(scale), 0.0, 1.0)
        if inverted:
            scaled = np.subtract(1.0, scaled)
        return np.asarray(np.nan_to_num(scaled, copy=False) if pixels.dtype.kind == "f" else scaled)
