"""The same work on a CUDA GPU, in half precision, beside the CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import torch

import napari_unet
from benchmarks.images import unit_xray, xray
from benchmarks.nets import model_at_hand, native_card, subject
from benchmarks.result import Column, Result
from benchmarks.timing import interleaved
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.predictor import Predictor

_COLUMNS = (
    Column("what"),
    Column("GPU, best", "ms"),
    Column("GPU relative to CPU, best", "ratio"),
    Column("median", "ratio"),
    Column("largest difference in probability", "tiny"),
    Column("pixels that differ", "share"),
)


def measure(quick: bool) -> Result:
    """`segment`, and a network at the image's own size."""
    side, name, rounds = (256, "quick", 1) if quick else (2048, "wide", 5)
    result = Result(
        "On a GPU",
        f"An X-ray of {side}×{side}; float32 on the CPU, half precision on the GPU.",
        _COLUMNS,
    )
    with model_at_hand() as model:
        called: dict[str, Callable[[str], Prediction]] = {
            f"`segment` with {model}": partial(_segment, xray(side)),
            "own size, tiled": partial(_native, unit_xray(side), name),
        }
        for what, predict in called.items():
            if torch.cuda.is_available():
                _add_row(result, what, predict, rounds)
            else:
                result.add_missing(what, "no GPU on this machine")
    return result


def _add_row(result: Result, what: str, predict: Callable[[str], Prediction], rounds: int) -> None:
    times = interleaved({device: partial(predict, device) for device in ("cuda", "cpu")}, rounds)
    gpu, cpu = (predict(device).probability for device in ("cuda", "cpu"))
    result.add(
        what,
        times["cuda"].best,
        times["cuda"].best / times["cpu"].best,
        times["cuda"].median / times["cpu"].median,
        float(np.abs(gpu - cpu).max()),
        float(np.mean((gpu >= 0.5) != (cpu >= 0.5))),
    )


def _segment(image: np.ndarray, device: str) -> Prediction:
    return napari_unet.segment(image, device=device)


def _native(image: np.ndarray, name: str, device: str) -> Prediction:
    return run(_predictor(name, device).steps(Raster(image)))


@cache
def _predictor(name: str, device: str) -> Predictor:
    return Predictor(subject(name).net, native_card(), torch.device(device))
