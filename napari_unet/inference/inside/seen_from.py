"""What the answer at one pixel depends on: in theory, and measured by its gradient on this image."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from napari_unet.core.inside import ReceptiveField
from napari_unet.inference.inside.anatomy import inner_of
from napari_unet.inference.inside.feature_maps import frozen
from napari_unet.inference.inside.subject import Subject
from napari_unet.models.card import NetSpec
from napari_unet.models.checkpoint import bare_net
from napari_unet.nets.receptive_field import Dependence, Spans
from napari_unet.nets.registry import facts_of

_HALF, _MOST = 0.5, 0.95  # shares of the gradient


def receptive_field(subject: Subject, pixel: tuple[int, int]) -> ReceptiveField:
    """The receptive field of the answer at a pixel (row, column) of the (turned) image.

    Theoretical: every pixel that can affect it (`nets.receptive_field`). Measured: |∂y/∂x| of the likeliest
    label's logit y at the pixel for each pixel x of the input (Luo et al. 2016, "Understanding the effective
    receptive field in deep convolutional neural networks", section 2), summed over the input's channels.
    """
    row, column = subject.grid_pixel(pixel)
    spans = [_span(subject, size, at) for size, at in zip(subject.whole, (row, column), strict=True)]
    measured = _gradient(subject, row, column)
    scales = subject.pixels_per_grid()
    box = []
    for axis, (first, last) in enumerate(spans):
        low, high = max(0, first - subject.before), min(subject.grid[axis], last + 1 - subject.before)
        box += [subject.box[axis].start + low * scales[axis], subject.box[axis].start + high * scales[axis]]
    sides = [last - first + 1 for first, last in spans]
    everything = all(side >= size for side, size in zip(sides, subject.whole, strict=True))
    largest = measured.max()
    shown = measured / largest if largest > 0 else measured
    return ReceptiveField(
        pixel,
        (box[0], box[1], box[2], box[3]),
        None if everything else max(sides),
        np.rint(shown * 255).astype(np.uint8),
        subject.grid_place(),
        half=_square(measured, row, column, _HALF),
        most=_square(measured, row, column, _MOST),
    )


def _span(subject: Subject, length: int, at: int) -> tuple[int, int]:
    """First and last pixel, of an axis of `length` with the mirrored border, that position `at` depends on.

    Networks treat both axes alike: each is asked for as the last one.
    """
    least = subject.whole[0] - subject.x.shape[-2] + subject.predictor.network.facts.stride
    first, last = _spans(subject.predictor.card.net.model_dump_json(), length, least)[at]
    return int(first), int(last)


@lru_cache(maxsize=16)
def _spans(spec: str, length: int, least: int) -> Spans:
    """Of each position along an axis. spec : a NetSpec. least : length of the other axis, which is short."""
    net = inner_of(bare_net(NetSpec.model_validate_json(spec))).eval()
    image = torch.empty((1, facts_of(net).channels, least, length), device="meta")
    with torch.no_grad(), Dependence(image) as dependence:
        found: Spans = dependence.spans(net(image))
    return found


def _gradient(subject: Subject, row: int, column: int) -> np.ndarray:
    """float64 (y, x) of the grid: the size of the gradient of the answer at a pixel of it."""
    x = subject.x.detach().clone().requires_grad_(True)
    channels = subject.predictor.card.channels_of(subject.output)
    with frozen(subject.net), torch.enable_grad():
        answer = subject.net(x)[0, channels, row, column].max()
        (gradient,) = torch.autograd.grad(answer, x)
    rows, columns = subject.grid
    found: np.ndarray = gradient[0].abs().sum(dim=0)[:rows, :columns].double().cpu().numpy()
    return found


def _square(measured: np.ndarray, row: int, column: int, share: float) -> int:
    """Side of the smallest square around a pixel that holds this share of the sum; 0 if there is none."""
    total = measured.sum()
    if total <= 0:
        return 0
    y, x = np.ogrid[: measured.shape[0], : measured.shape[1]]
    away = np.maximum(abs(y - row), abs(x - column))
    held = np.cumsum(np.bincount(away.ravel(), measured.ravel()))
    return 2 * int(np.searchsorted(held, share * total)) + 1
