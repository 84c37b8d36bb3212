"""Other tools' prediction of a large image beside ours, with the same network and weights."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import numpy as np
import torch
from torch import nn

from benchmarks import unet_assistant
from benchmarks.images import unit_xray
from benchmarks.nets import fast_net, native_card, subject
from benchmarks.result import Column, NotMeasured, Result
from benchmarks.timing import interleaved
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.predictor import Predictor

_COLUMNS = (
    Column("network"),
    Column("method"),
    Column("best", "s"),
    Column("time relative to ours, best", "ratio"),
    Column("median", "ratio"),
    Column("largest difference in probability", "tiny"),
    Column("pixels of the mask that differ", "share"),
)
_OURS = "**this package**: exact tiles"
_WHOLE = "whole image, network unchanged"
_OVERLAP = 0.25
Method = Callable[[nn.Module, np.ndarray], np.ndarray]


def measure(quick: bool) -> Result:
    """Every method on the networks of the tile benchmark."""
    side, roi, names, rounds = (128, 64, ("quick",), 1) if quick else (2048, 512, ("wide", "shipped"), 3)
    result = Result(
        "Compared with other tools, same network",
        f"One X-ray of {side}×{side} (values 0..1) at its own size, from the array to the probability, with "
        "the same network and weights in one process, in turns, on the CPU. Differences are those to the "
        "whole image's probability, and to its mask at 0.5. Other tools get the network as PyTorch has it; "
        "where it says “folded”, they get the form that this package makes of it (folded normalisation, "
        "channels_last), so that the cost of tiling can be seen separately.",
        _COLUMNS,
    )
    with ExitStack() as stack:
        methods = _methods(roi)
        try:
            if quick:
                raise NotMeasured("quick mode")
            methods |= _assistant(stack.enter_context(unet_assistant.predictor()), roi)
        except NotMeasured as why:
            result.notes.append(f"{unet_assistant.NAME} was not measured: {why}.")
        for name in names:
            _add_rows(result, name, side, methods, rounds)
    return result


def _methods(roi: int) -> dict[str, Method]:
    window = f"MONAI sliding_window_inference, {roi}, overlap {_OVERLAP:.0%}, Gaussian"
    return {
        _OURS: _ours,
        _WHOLE: _whole,
        "whole image, folded": lambda net, image: _whole(fast_net(net), image),
        window: partial(_monai, roi),
        f"{window}, folded": lambda net, image: _monai(roi, fast_net(net), image),
    }


def _assistant(predict: unet_assistant.Predict, roi: int) -> dict[str, Method]:
    def method(net: nn.Module, image: np.ndarray, patch: int, overlap: int) -> np.ndarray:
        return predict(net, image, patch, overlap)

    return {
        f"{unet_assistant.NAME}, {patch}, overlap {overlap} %{note}": partial(
            method, patch=patch, overlap=overlap
        )
        for patch, overlap, note in ((256, 0, " (as it comes)"), (roi, round(100 * _OVERLAP), ""))
    }


def _add_rows(result: Result, name: str, side: int, methods: dict[str, Method], rounds: int) -> None:
    found, image = subject(name), unit_xray(side)
    last: dict[str, np.ndarray] = {}

    def work(label: str) -> None:
        last[label] = methods[label](found.net, image)

    times = interleaved({label: partial(work, label) for label in methods}, rounds)
    whole, ours = last[_WHOLE], times[_OURS]
    for label, taken in times.items():
        seen = last[label]
        is_mask = seen.dtype == bool
        result.add(
            found.title,
            label,
            taken.best,
            taken.best / ours.best,
            taken.median / ours.median,
            "only a mask" if is_mask else float(np.abs(seen - whole).max()),
            float(np.mean((seen if is_mask else seen >= 0.5) != (whole >= 0.5))),
        )


def _ours(net: nn.Module, image: np.ndarray) -> np.ndarray:
    predictor = Predictor(net, native_card(), torch.device("cpu"))
    return run(predictor.steps(Raster(image))).foreground


@torch.inference_mode()
def _whole(net: nn.Module, image: np.ndarray) -> np.ndarray:
    return np.asarray(torch.sigmoid(net(torch.from_numpy(image)[None, None]))[0, 0].numpy())


@torch.inference_mode()
def _monai(roi: int, net: nn.Module, image: np.ndarray) -> np.ndarray:
    from monai.inferers import sliding_window_inference

    x = torch.from_numpy(image)[None, None]
    logits = sliding_window_inference(x, roi, 1, net, overlap=_OVERLAP, mode="gaussian")
    return np.asarray(torch.sigmoid(logits)[0, 0].numpy())
