"""FirstMask: what a model says about one image of a review project, small enough to be kept for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FirstMask:
    """A model's mask of one image, to begin with.

    labels : uint8 of the image's own shape, 0 or 1; None if the model is not for this image.
    probability, uncertainty : uint8, 0..255 for 0..1, at the model's own size in plane; None with `labels`.
    score : share of the mask's border along which the model is in doubt (core.doubt.border_doubt), None if
    there is no mask. checks : codes of core.checks, "unlike" and "inverted". threshold : the one used.
    refused : why the model is not for this image, in words, else "". features : as in Prediction.
    """

    model: str
    version: str
    labels: np.ndarray | None = None
    probability: np.ndarray | None = None
    uncertainty: np.ndarray | None = None
    score: float | None = None
    checks: tuple[str, ...] = ()
    threshold: float = 0.5
    notes: tuple[str, ...] = ()
    refused: str = ""
    features: np.ndarray | None = None
