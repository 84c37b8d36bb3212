"""How long each network takes for an image, beside today's U-Net, in turns on one machine."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from benchmarks.lineage.plan import ROWS, ImageSet
from benchmarks.timing import interleaved
from napari_unet.inference.fold import folded
from napari_unet.io.atomic import atomic_write
from napari_unet.models.checkpoint import build_net

BASE = "today"


def ratios(images: ImageSet, work: Path, quick: bool) -> dict[str, float]:
    """Best time of each row's network over that of `BASE`, for an image of the set; kept in a file."""
    record = work / f"{images.name}.speed.json"
    if record.is_file():
        known: dict[str, float] = json.loads(record.read_text(encoding="utf-8"))
        return known
    work.mkdir(parents=True, exist_ok=True)
    nets, image = {}, torch.zeros(1)
    for row in ROWS:
        recipe = images.recipe(row, 0, quick)
        nets[row.name] = folded(build_net(recipe.net)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        image = torch.rand(1, 1, *recipe.input.size or ())
    with torch.inference_mode():
        taken = interleaved(
            {name: lambda net=net: net(image) for name, net in nets.items()}, rounds=1 if quick else 3
        )
    found = {name: times.best / taken[BASE].best for name, times in taken.items()}
    with atomic_write(record) as partial:
        partial.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found
