"""Prediction: what a model says about one raster."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.masks import MaskRule, clean, threshold_mask


@dataclass(frozen=True)
class Prediction:
    """Probability per label at the image's own size, with what is needed to turn it into a mask.

    probability : float32 (C, Y, X) or (C, Z, Y, X), 0..1, one channel per label (background has none).
    label_set : what the channels are, in their order.
    uncertainty : float32 (Y, X) or (Z, Y, X), 0..1 (see inference/predictor.py), or None.
    spacing_mm : as in Raster. threshold, rule : the card's defaults for `mask`.
    model, version, device : what made it. seconds : wall time of the whole call.
    notes : what the user should know, in words. columns_towards : as in Raster.
    inverted : the image was taken as having dark bones. likeness : one per image (see core/gate.py), empty
    where the card has none. gate : codes of what the input gate found (core.checks OF_IMAGE).
    features : float32 (D,) of length 1, what the network made of the image (inference/features.py), or None.
    """

    probability: np.ndarray
    uncertainty: np.ndarray | None
    spacing_mm: tuple[float, ...] | None
    threshold: float
    rule: MaskRule = field(default_factory=MaskRule)
    model: str = ""
    version: str = ""
    device: str = "cpu"
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    columns_towards: str | None = None
    inverted: bool = False
    likeness: tuple[float, ...] = ()
    gate: tuple[str, ...] = ()
    features: np.ndarray | None = None
    label_set: LabelSet = LUNGS

    @property
    def foreground(self) -> np.ndarray:
        """float32 (Y, X) or (Z, Y, X): the probability of the likeliest label at each pixel."""
        one = len(self.probability) == 1
        return np.asarray(self.probability[0] if one else self.probability.max(axis=0))

    def mask(self, threshold: float | None = None, cleaned: bool = True) -> np.ndarray:
        """bool mask (Y, X) or (Z, Y, X): any label at `threshold` (default: the card's), after its MaskRule.

        A stack of X-rays is cleaned slice by slice; see MaskRule.
        """
        raw = threshold_mask(self.foreground, self.threshold if threshold is None else threshold)
        return clean(raw, self.rule, self.spacing_mm) if cleaned else raw

    def labels(self, threshold: float | None = None) -> np.ndarray:
        """uint8 (Y, X) or (Z, Y, X): where `mask` is, the value of the likeliest label; 0 elsewhere."""
        values = np.array(self.label_set.values, np.uint8)
        mask = self.mask(threshold)
        if len(values) == 1:
            return np.asarray(mask * values[0])
        return np.asarray(values[self.probability.argmax(axis=0)] * mask)
