"""Our scores against MONAI's, to 1e-6."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from napari_unet.core.metrics import assd, dice, hd95, iou

torch = pytest.importorskip("torch")
monai_metrics = pytest.importorskip("monai.metrics")

SHAPES = [((60, 47), (0.7, 0.7)), ((60, 47), (0.4, 1.3)), ((12, 30, 25), (3.0, 0.8, 0.9)), ((60, 47), None)]


def blobs(shape: tuple[int, ...], seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=shape)
    return np.asarray(ndimage.gaussian_filter(noise, 2.5) > 0.02)


def ask(metric: Any, mask: np.ndarray, reference: np.ndarray, **kwargs: Any) -> float:
    metric(torch.from_numpy(mask[None, None]), torch.from_numpy(reference[None, None]), **kwargs)
    return float(metric.aggregate("none").item())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("shape", "spacing"), SHAPES)
def test_same_numbers(shape: tuple[int, ...], spacing: tuple[float, ...] | None, seed: int) -> None:
    mask, reference = blobs(shape, seed), blobs(shape, seed + 100)  # both run into the image's edge
    overlaps: list[tuple[Callable[..., float], Any]] = [
        (dice, monai_metrics.DiceMetric()),
        (iou, monai_metrics.MeanIoU()),
    ]
    for ours, theirs in overlaps:
        assert ours(mask, reference) == pytest.approx(ask(theirs, mask, reference), abs=1e-6)
    distances: list[tuple[Callable[..., float], Any]] = [
        (hd95, monai_metrics.HausdorffDistanceMetric(include_background=True, percentile=95)),
        (assd, monai_metrics.SurfaceDistanceMetric(include_background=True, symmetric=True)),
    ]
    for measured, theirs in distances:
        expected = ask(theirs, mask, reference, spacing=spacing)
        assert measured(mask, reference, spacing) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.filterwarnings("ignore:the (ground truth|prediction)")
def test_where_empty_masks_are_treated_alike_and_where_not() -> None:
    empty, some = np.zeros((20, 20), bool), blobs((20, 20), 0)
    leave_out = monai_metrics.DiceMetric(ignore_empty=True)
    keep = monai_metrics.DiceMetric(ignore_empty=False)
    assert isnan(dice(empty, empty)) and isnan(ask(leave_out, empty, empty))
    assert dice(some, empty) == 0 == ask(keep, some, empty)  # ignore_empty=True would hide a false alarm
    assert dice(empty, some) == 0
    keep.reset()
    assert ask(keep, empty, empty) == 1  # ours: nan, there is nothing to agree on
