"""Tiles against the whole image, with the same network."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks import child
from benchmarks.images import unit_xray
from benchmarks.nets import fast_forward, subject
from benchmarks.result import Column, Result
from benchmarks.timing import interleaved
from napari_unet.core.tiling import TilePlan, plan_tiles, predict_tiled
from napari_unet.nets.registry import facts_of
from napari_unet.nets.unet import UNet

_COLUMNS = (
    Column("network"),
    Column("cut into"),
    Column("best", "s"),
    Column("time relative to whole, best", "ratio"),
    Column("median", "ratio"),
    Column("peak memory", "MB"),
    Column("memory relative to whole", "ratio"),
    Column("largest difference", "tiny"),
)


def measure(quick: bool) -> Result:
    """Time, memory and difference of tiles."""
    side, cores, names, rounds = (128, (32,), ("quick",), 1) if quick else (2048, (1184, 512), _NAMES, 3)
    result = Result(
        "Tiles compared with the whole image",
        f"One X-ray of {side}×{side} at its own size through the same network, folded and in channels_last: "
        "in one piece and in the cheapest tiles that are flush with the image's border, with a halo as wide "
        "as the receptive field at inner seams. Times are taken in turns in one process; memory is the "
        "growth of a fresh process. "
        "The difference is that between the probabilities and the whole image's.",
        _COLUMNS,
    )
    for name in names:
        _add_rows(result, name, side, cores, rounds)
    return result


_NAMES = ("wide", "shipped")


def plan(net: UNet, side: int, core: int) -> TilePlan:
    """Tiles that keep `core` pixels per side, with the halo that makes them exact."""
    return plan_tiles(facts_of(net), (side, side), core)


def _add_rows(result: Result, name: str, side: int, cores: tuple[int, ...], rounds: int) -> None:
    found = subject(name)
    image, predict = unit_xray(side), fast_forward(found.net)
    plans = {core: plan(found.net, side, core) for core in (side, *cores)}
    work: dict[str, Callable[[], object]] = {
        str(core): partial(predicted, image, predict, cut) for core, cut in plans.items()
    }
    times = interleaved(work, rounds)
    whole = predicted(image, predict, plans[side])
    memory = {core: child.figures("peak", name, side, core)["bytes"] for core in plans}
    for core, cut in plans.items():
        taken, reference = times[str(core)], times[str(side)]
        one = core == side
        result.add(
            found.title,
            "one piece" if one else f"{cut.count} tiles, none larger than of {core}, halo {cut.halo}",
            taken.best,
            taken.best / reference.best,
            taken.median / reference.median,
            memory[core],
            memory[core] / memory[side],
            None if one else float(np.abs(predicted(image, predict, cut) - whole).max()),
        )


def predicted(image: np.ndarray, predict: Callable[[np.ndarray], np.ndarray], cut: TilePlan) -> np.ndarray:
    """`predict_tiled` without its events."""
    steps = predict_tiled(image, predict, cut)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return np.asarray(end.value)
