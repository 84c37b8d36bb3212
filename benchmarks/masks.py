"""Post-processing of masks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.images import lungs
from benchmarks.result import Column, Result
from benchmarks.timing import interleaved
from napari_unet.core.lung_sides import split_left_right
from napari_unet.core.masks import MaskRule, clean, threshold_mask

_COLUMNS = (Column("what"), Column("best", "ms"), Column("median", "ms"))


def measure(quick: bool) -> Result:
    """Threshold, cleaning and left and right, on real lungs."""
    side, rounds = (256, 1) if quick else (2048, 9)
    plain, specked = lungs(side), lungs(side, specks=400)
    probability = specked.astype(np.float32) * 0.8 + 0.1
    rule, smooth = MaskRule(), MaskRule(smoothing=side / 512)
    work: dict[str, Callable[[], object]] = {
        "threshold": partial(threshold_mask, probability, 0.5),
        "parts and holes": partial(clean, plain, rule),
        "parts and holes, 400 specks": partial(clean, specked, rule),
        "parts, holes and smoothing, 400 specks": partial(clean, specked, smooth),
        "left and right": partial(split_left_right, plain),
    }
    result = Result("Masks", f"Real lungs, enlarged to {side}×{side}; one thread.", _COLUMNS)
    for name, taken in interleaved(work, rounds).items():
        result.add(name, taken.best, taken.median)
    return result
