"""How much of a `segment` call is not the network, as a share of the network's own time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
from torch import Tensor

import napari_unet
from benchmarks.images import xray
from benchmarks.nets import SHIPPED, model_at_hand
from benchmarks.result import Column, Result
from napari_unet.models.library import default_library
from napari_unet.nets.unet import UNet

_COLUMNS = (
    Column("image"),
    Column("call, best", "ms"),
    Column("network, of that", "ms"),
    Column("rest relative to the network, best", "ratio"),
    Column("median", "ratio"),
    Column("with `.mask()`, best", "ratio"),
    Column("median", "ratio"),
)


@dataclass(frozen=True)
class Call:
    """Seconds of one `segment` call, of the network's forward passes in it, and of `.mask()` after it."""

    whole: float
    network: float
    mask: float

    @property
    def rest(self) -> float:
        return self.whole / self.network - 1

    @property
    def rest_with_mask(self) -> float:
        return (self.whole + self.mask) / self.network - 1


def measure(quick: bool) -> Result:
    """`napari_unet.segment` at several sizes."""
    sides, rounds = ((256, 512), 2) if quick else ((512, 1024, 2048, 4096), 15)
    images = {side: xray(side) for side in sides}
    calls: dict[int, list[Call]] = {side: [] for side in sides}
    # torch alone: another backend would come in between, and its passes are not counted here
    with model_at_hand() as model, patch("napari_unet.inference.backend._WORTH_S", float("inf")):
        for _ in range(rounds + 1):
            for side, image in images.items():
                calls[side].append(_call(image))
        card = default_library().find(SHIPPED).card
    seen = "×".join(map(str, card.input.size or ())) + (", as it is and mirrored" if card.flips else "")
    result = Result(
        "What of a `segment` call is not the network",
        f"`napari_unet.segment(image)` with {model} (which sees the image at {seen}) on 12-bit X-rays of "
        "several sizes, on the CPU, model loaded. Everything that is not a forward pass counts: the input "
        "check, choosing the model, resizing to the network's size, plausibility. Maps stay on the network's "
        "grid until somebody asks for more. `.mask()` enlarges them and applies threshold, parts and holes "
        "at the image's own size.",
        _COLUMNS,
    )
    for side, all_calls in calls.items():
        counted = all_calls[1:]
        best = min(counted, key=lambda call: call.whole)
        best_with_mask = min(counted, key=lambda call: call.whole + call.mask)
        result.add(
            f"{side}×{side}",
            best.whole,
            best.network,
            best.rest,
            statistics.median(call.rest for call in counted),
            best_with_mask.rest_with_mask,
            statistics.median(call.rest_with_mask for call in counted),
        )
    return result


def _call(image: np.ndarray) -> Call:
    with forward_seconds() as network:
        start = time.perf_counter()
        prediction = napari_unet.segment(image, device="cpu")
        called = time.perf_counter()
    prediction.mask()
    return Call(called - start, sum(network), time.perf_counter() - called)


@contextmanager
def forward_seconds() -> Iterator[list[float]]:
    """Collects the time of each forward pass of a U-Net while it is open."""
    seconds: list[float] = []
    forward = UNet.forward

    def timed(net: UNet, x: Tensor) -> Tensor:
        start = time.perf_counter()
        y = forward(net, x)
        seconds.append(time.perf_counter() - start)
        return y

    with patch.object(UNet, "forward", timed):
        yield seconds
