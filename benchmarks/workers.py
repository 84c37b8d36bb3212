"""`segment` on workers of this computer against one process: 200 X-rays, or so many as BENCHMARK_XRAYS."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from statistics import median

from benchmarks import child
from benchmarks.cases_per_minute import write_xrays
from benchmarks.nets import model_at_hand
from benchmarks.result import Column, NotMeasured, Result

_WORKERS = 2
_COLUMNS = (
    Column("cases"),
    Column("cases per minute, best"),
    Column("throughput of one process, best", "ratio"),
    Column("median", "ratio"),
    Column("until the first cases are done", "s"),
)


def measure(quick: bool) -> Result:
    """By turns, in fresh processes; and what a task costs that does nothing."""
    side, count, rounds = (256, 6, 1) if quick else (2048, int(os.environ.get("BENCHMARK_XRAYS", "200")), 3)
    found: dict[int, list[dict[str, float]]] = {0: [], _WORKERS: []}
    with tempfile.TemporaryDirectory() as name, model_at_hand() as model:
        result = Result(
            "On workers",
            f"`napari-unet-lung segment --workers {_WORKERS}` with {model} on {count} X-rays of {side}×{side}"
            " against `segment` in one process, which overlaps reading, network and writing and uses all "
            "processors. By turns, in fresh processes; what is timed begins when every worker has done its "
            "first cases.",
            _COLUMNS,
        )
        folder = Path(name)
        write_xrays(folder, side, count)
        try:
            for _ in range(rounds):
                for workers, runs in found.items():
                    runs.append(child.figures("workers", folder, workers, patience_s=3600))
            costs = child.figures("workers", "overhead", _WORKERS)
        except NotMeasured as why:
            result.add_missing("workers", why)
            return result
    ratios = [one["seconds"] / two["seconds"] for one, two in zip(*found.values(), strict=True)]
    best = {workers: min(run["seconds"] for run in runs) for workers, runs in found.items()}
    for workers, title in ((0, "one process"), (_WORKERS, f"{_WORKERS} workers")):
        result.add(
            title,
            f"{60 * count / best[workers]:.0f}",
            best[0] / best[workers],
            median(ratios) if workers else 1.0,
            median(run["start"] for run in found[workers]),
        )
    result.notes.append(
        f"A task that does nothing takes {1000 * costs['by name']:.1f} ms from the client to a worker and "
        f"back; with 8 MB of pixels that travel by value, {1000 * costs['by value']:.0f} ms. That is what "
        "Dask, certificates and we add to a case; with several workers it overlaps with their work."
    )
    return result
