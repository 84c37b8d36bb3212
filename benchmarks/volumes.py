"""CT series from files to mask: time by part and peak memory, and lungmask beside it."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import child
from benchmarks.chest_ct import SHIPPED, SIDE, save_chest
from benchmarks.fetched import fetch
from benchmarks.result import Column, NotMeasured, Result

LUNGMASK = "lungmask 0.2.22"
_ITS_OWN = (
    *(LUNGMASK.replace(" ", "=="), "SimpleITK", "fill-voids", "fastremap", "more-itertools"),
    *("scikit-image", "lazy-loader"),
)
_HOW = (
    f"A DICOM series of {SIDE}×{SIDE} (the bundled CT sample, enlarged) on the CPU, each time in a fresh "
    "process: read, segmented, cleaned, measured and checked, written as NIfTI. "
    f"Ours is {SHIPPED} as shipped; {LUNGMASK} has its own network and post-processing, with random weights "
    "(R231's are not downloaded), in turns with ours. “Mask” is the post-processing, and for ours drawing "
    "the slices at full size; “rest” is all else, with the measures, checks and writing. The whole command "
    "includes starting Python. Memory is the peak above what is there after importing the libraries."
)
_PARTS = ("read", "network", "mask", "rest")
_COLUMNS = (
    Column("program"),
    Column("slices"),
    Column("whole command", "s"),
    Column("time relative to ours, best", "ratio"),
    Column("median", "ratio"),
    *(Column(f"{part}: share of the work", "share") for part in _PARTS),
    Column("network", "s"),
    Column("peak memory", "MB"),
)
_PATIENCE_S = 7200


def measure(quick: bool) -> Result:
    """Ours at several lengths; both programs in turns at one."""
    both, rounds, longer = (4, 1, ()) if quick else (50, 2, (140, 1000))
    with tempfile.TemporaryDirectory() as folder:
        result = Result("CT volumes, from files to mask", _HOW, _COLUMNS)
        series = save_chest(Path(folder) / "both", both)
        try:
            fetch(f"{folder}/lungmask", *_ITS_OWN)
            theirs: str | None = f"{folder}/lungmask"
        except NotMeasured as why:
            theirs = None
            result.notes.append(f"{LUNGMASK} was not measured: {why}.")
        _add_both(result, series, theirs, both, rounds)
        for slices in longer:
            found = _run("volume", save_chest(Path(folder) / str(slices), slices))
            result.add("**this package**", str(slices), found["whole"], None, None, *_shares(found))
    return result


def _add_both(result: Result, series: Path, theirs: str | None, slices: int, rounds: int) -> None:
    ours: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for _ in range(rounds):
        ours.append(_run("volume", series))
        if theirs is not None:
            others.append(_run("lungmask_volume", series, theirs))
    best, median = _summary(ours)
    result.add("**this package**", str(slices), best["whole"], 1.0, 1.0, *_shares(best))
    if others:
        other, other_median = _summary(others)
        ratios = other["whole"] / best["whole"], other_median / median
        result.add(LUNGMASK, str(slices), other["whole"], *ratios, *_shares(other))


def _run(module: str, series: Path, path: str = "") -> dict[str, Any]:
    start = time.perf_counter()
    found = child.figures(
        module, series, series.parent / f"{module}.nii.gz", path=path, patience_s=_PATIENCE_S
    )
    return found | {"whole": time.perf_counter() - start}


def _summary(rounds: list[dict[str, Any]]) -> tuple[dict[str, Any], float]:
    """The quickest round, and the median time of all."""
    return min(rounds, key=lambda one: one["whole"]), statistics.median(one["whole"] for one in rounds)


def _shares(found: dict[str, Any]) -> list[float]:
    work = sum(found[part] for part in _PARTS)
    return [*(found[part] / work for part in _PARTS), found["network"], found["bytes"]]
