"""What each network is before it is trained: its size, its work, its time beside that of today's U-Net."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.lineage.plan import ROWS, ImageSet, planned
from benchmarks.timing import interleaved
from napari_unet.inference.fold import folded
from napari_unet.io.atomic import atomic_write
from napari_unet.models.checkpoint import bare_net, build_net
from napari_unet.nets.stages import drawing

BASE = "today"
_ROUNDS = 3


@dataclass(frozen=True)
class Network:
    """time : for an image, over that of `BASE`; None where the network needs a GPU."""

    parameters: int
    multiply_adds_per_pixel: int
    time: float | None = None


def measured_networks(images: ImageSet, results: Path) -> dict[str, Network]:
    """By row, what `measure_networks` found; empty if it was not asked."""
    record = _record(images, results)
    if not record.is_file():
        return {}
    found = json.loads(record.read_text(encoding="utf-8"))
    return {row: Network(**fields) for row, fields in found.items()}


def measure_networks(images: ImageSet, results: Path) -> None:
    """Measures the networks of a set, for images of its whole size, if that has not been done.

    Times are the best of some rounds in turns, in time of the processor: what else runs on the machine counts
    little.
    """
    if measured_networks(images, results):
        return
    found, nets, image = {}, {}, torch.zeros(1)
    for row in ROWS:
        if not planned(images, row):
            continue
        recipe = images.recipe(row, 0)
        size = recipe.input.size or ()
        drawn = drawing(bare_net(recipe.net), size)
        found[row.name] = Network(drawn.parameters, round(drawn.multiply_adds / math.prod(size)))
        if not row.gpu:
            nets[row.name] = folded(build_net(recipe.net)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            image = torch.rand(1, 1, *size)
    with torch.inference_mode():
        taken = interleaved(
            {name: lambda net=net: net(image) for name, net in nets.items()}, _ROUNDS, time.process_time
        )
    fields = {
        name: asdict(one) | {"time": round(taken[name].best / taken[BASE].best, 3) if name in taken else None}
        for name, one in found.items()
    }
    results.mkdir(parents=True, exist_ok=True)
    with atomic_write(_record(images, results)) as partial:
        partial.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")


def _record(images: ImageSet, results: Path) -> Path:
    return results / f"{images.name}.networks.json"
