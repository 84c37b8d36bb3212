"""How long each network takes for an image, beside today's U-Net, in turns on one machine."""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch

from benchmarks.lineage.plan import ROWS, ImageSet
from benchmarks.timing import interleaved
from napari_unet.inference.fold import folded
from napari_unet.io.atomic import atomic_write
from napari_unet.models.checkpoint import build_net

BASE = "today"
_ROUNDS = 3


def speeds_file(images: ImageSet, results: Path) -> Path:
    """Where the ratios of a set are."""
    return results / f"{images.name}.speed.json"


def known_ratios(images: ImageSet, results: Path) -> dict[str, float]:
    """Those that were measured; empty if none were."""
    record = speeds_file(images, results)
    found: dict[str, float] = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    return found


def measure_ratios(images: ImageSet, results: Path) -> None:
    """Time of each row's network over that of `BASE`, for an image of the set at its whole size.

    The best of some rounds, in time of the processor: what else runs on the machine counts little. What was
    measured once is kept.
    """
    if known_ratios(images, results):
        return
    nets, image = {}, torch.zeros(1)
    for row in ROWS:
        if row.gpu:
            continue
        recipe = images.recipe(row, 0)
        nets[row.name] = folded(build_net(recipe.net)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        image = torch.rand(1, 1, *recipe.input.size or ())
    with torch.inference_mode():
        taken = interleaved(
            {name: lambda net=net: net(image) for name, net in nets.items()}, _ROUNDS, time.process_time
        )
    found = {name: round(times.best / taken[BASE].best, 3) for name, times in taken.items()}
    results.mkdir(parents=True, exist_ok=True)
    with atomic_write(speeds_file(images, results)) as partial:
        partial.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
