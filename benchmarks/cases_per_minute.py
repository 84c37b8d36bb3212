"""Cases per minute of `segment` on a folder of X-rays: 200, or as many as BENCHMARK_XRAYS says."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import child
from benchmarks.images import xray
from benchmarks.nets import model_at_hand
from benchmarks.result import Column, Result
from napari_unet.io.pictures import write_png

_IN_TURN, _OVERLAPPED = "in turn", "overlapped"
_COLUMNS = (
    Column("cases"),
    Column("cases per minute, best"),
    Column("relative to one after the other, best", "ratio"),
    Column("median", "ratio"),
    Column("processor time per case", "ms"),
    Column("growth of memory", "MB"),
)


def measure(quick: bool) -> Result:
    """Overlapped against one after the other, by turns."""
    side, count, rounds = (256, 3, 1) if quick else (2048, int(os.environ.get("BENCHMARK_XRAYS", "200")), 3)
    found: dict[str, list[dict[str, float]]] = {_IN_TURN: [], _OVERLAPPED: []}
    with tempfile.TemporaryDirectory() as name, model_at_hand() as model:
        folder = Path(name)
        write_xrays(folder, side, count)
        for _ in range(rounds):
            for how, runs in found.items():
                runs.append(child.figures("cases_per_minute", folder, how, patience_s=3600))
    result = Result(
        "Cases per minute",
        f"`napari-unet-lung segment` with {model} on {count} X-rays of {side}×{side} (PNG of 16 bits, made "
        "from a sample: moved, with noise), by turns in fresh processes that had loaded the model: as people "
        "run it, and with reading, network, measures and writing of one case after the other. Memory is what "
        "the process takes beyond the model and a first case.",
        _COLUMNS,
    )
    each = zip(found[_IN_TURN], found[_OVERLAPPED], strict=True)
    ratios = [turn["seconds"] / overlapped["seconds"] for turn, overlapped in each]
    slowest = min(run["seconds"] for run in found[_IN_TURN])
    for how, title in ((_IN_TURN, "one after the other"), (_OVERLAPPED, "overlapped")):
        best = min(found[how], key=lambda run: run["seconds"])
        result.add(
            title,
            f"{60 * best['cases'] / best['seconds']:.0f}",
            slowest / best["seconds"],
            1.0 if how == _IN_TURN else float(np.median(ratios)),
            min(run["processor"] for run in found[how]) / count,
            max(run["bytes"] for run in found[how]),
        )
    return result


def write_xrays(folder: Path, side: int, count: int) -> None:
    """So many X-rays, all different."""
    random, sample = np.random.default_rng(0), xray(side).astype(np.int32)
    for number in range(count):
        moved = np.roll(sample, random.integers(-side // 50, side // 50 + 1, 2), (0, 1))
        noisy = moved + random.integers(-4, 5, moved.shape)  # of 4095
        write_png(folder / f"xray_{number:03}.png", noisy.clip(0, 4095).astype(np.uint16))
