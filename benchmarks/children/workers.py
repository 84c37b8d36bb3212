"""`segment` here and on workers, by turns: python -m benchmarks.children.workers FOLDER WORKERS ROUNDS

Or "overhead" WORKERS: what a task costs that does nothing.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from napari_unet.cli.batch import Batch, Options
from napari_unet.cli.inputs import find_inputs
from napari_unet.cli.on_cluster import results_of, workplace
from napari_unet.cli.resume import ResumeRecord
from napari_unet.cluster.connect import local_cluster
from napari_unet.cluster.limits import Limits
from napari_unet.cluster.run import Task, run_tasks
from napari_unet.cluster.workplace import Workplace
from napari_unet.core.auto import AUTO

_XRAY = 8_000_000  # bytes of an X-ray of 2000 x 2000 with 16 bits


def main(folder: Path, workers: int, rounds: int) -> None:
    images = sorted(folder.iterdir())
    seconds: dict[str, list[float]] = {"one": [], "workers": []}
    begun = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as out,
        workplace(workers, None, (AUTO,), "auto", 60) as place,
    ):
        _segment(place, images[: 3 * workers], Path(out, "first"))  # imports, and the model of every worker
        ready = time.perf_counter() - begun
        _segment(None, images[:2], Path(out, "first here"))
        for number in range(rounds):
            for name, where in (("one", None), ("workers", place)):
                start = time.perf_counter()
                cases = _segment(where, images, Path(out, f"{name} {number}"))
                seconds[name].append(time.perf_counter() - start)
                assert cases == len(images)
    print(json.dumps({**seconds, "ready": ready}))


def _segment(place: Workplace | None, images: list[Path], out: Path) -> int:
    """The number of masks."""
    out.mkdir()
    record = ResumeRecord(out, "segment", {}, again=True)
    batch = Batch(find_inputs([str(path) for path in images], out), Options(out), record)
    return sum(not result.row.error for result in results_of(batch, place, lambda _: None))


def overhead(workers: int) -> None:
    with local_cluster(workers) as client:
        figures: dict[str, Any] = {}
        for name, size, count in (("by name", 1000, 400), ("by value", _XRAY, 40)):
            rounds = []
            for _ in range(4):
                start = time.perf_counter()
                tasks = (Task(str(one), len, lambda size=size: bytes(size), size) for one in range(count))
                assert all(outcome.result == size for _, outcome in run_tasks(client, tasks, Limits()))
                rounds.append((time.perf_counter() - start) / count)
            figures[name] = median(rounds[1:])
    print(json.dumps(figures))


if __name__ == "__main__":
    if sys.argv[1] == "overhead":
        overhead(int(sys.argv[2]))
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
