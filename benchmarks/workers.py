"""`segment` on workers of this computer against one process, on 200 X-rays.

BENCHMARK_XRAYS : so many different X-rays, again and again, until there were 200.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from statistics import median

from benchmarks import child
from benchmarks.cases_per_minute import write_xrays
from benchmarks.nets import model_at_hand
from benchmarks.result import Column, NotMeasured, Result

_WORKERS, _CASES = 2, 200
_COLUMNS = (
    Column("cases"),
    Column("cases per minute, all"),
    Column("best round"),
    Column("throughput of one process, all", "ratio"),
    Column("best round", "ratio"),
    Column("median", "ratio"),
)


def measure(quick: bool) -> Result:
    """By turns in one run; and what a task costs that does nothing."""
    side, count = (256, 6) if quick else (2048, int(os.environ.get("BENCHMARK_XRAYS", "50")))
    rounds = 1 if quick else -(-_CASES // count)
    with tempfile.TemporaryDirectory() as name, model_at_hand() as model:
        result = Result(
            "On workers",
            f"`napari-unet-lung segment --workers {_WORKERS}` with {model} on {count} X-rays of {side}×{side}"
            ", against `segment` in one process, which overlaps reading, network and writing and uses all "
            f"processors: {rounds} rounds of all X-rays, by turns in one run, with models loaded.",
            _COLUMNS,
        )
        folder = Path(name)
        write_xrays(folder, side, count)
        try:
            run = child.figures("workers", folder, _WORKERS, rounds, patience_s=3600)
            costs = child.figures("workers", "overhead", _WORKERS)
        except NotMeasured as why:
            result.add_missing("workers", why)
            return result
    one, workers = run["one"], run["workers"]
    for title, seconds in (("one process", one), (f"{_WORKERS} workers", workers)):
        result.add(
            title,
            f"{60 * count * rounds / sum(seconds):.0f}",
            f"{60 * count / min(seconds):.0f}",
            sum(one) / sum(seconds),
            min(one) / min(seconds),
            median(first / second for first, second in zip(one, seconds, strict=True)),
        )
    result.notes.append(
        f"The workers had done their first cases {run['ready']:.0f} s after the start. A task that does "
        f"nothing takes {1000 * costs['by name']:.1f} ms from the client to a worker and back; with 8 MB of "
        f"pixels that travel by value, {1000 * costs['by value']:.0f} ms. That is what Dask, certificates "
        "and we add to a case; with several workers it overlaps with their work."
    )
    return result
