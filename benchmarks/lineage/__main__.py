"""python -m benchmarks.lineage: trains what is not trained yet, and writes docs/lineage.md."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from benchmarks.data import data_folder
from benchmarks.lineage.curves import as_svg
from benchmarks.lineage.networks import measure_networks, measured_networks
from benchmarks.lineage.page import curves_file, page
from benchmarks.lineage.plan import ROWS, SETS, ImageSet, Row, runs
from benchmarks.lineage.train import read_results, record_of, train_row
from benchmarks.result import NotMeasured
from napari_unet.io.atomic import atomic_write

_ROOT = Path(__file__).parents[2]


def main(arguments: list[str] | None = None) -> None:
    """Results that are stored are kept; a training that was broken off goes on. Each makes the page again."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lineage", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="images of half the size, a twelfth of the epochs"
    )
    parser.add_argument(
        "--rows", nargs="*", choices=[row.name for row in ROWS], help="default: all; none without a name"
    )
    parser.add_argument("--sets", nargs="+", choices=[images.name for images in SETS], help="default: all")
    parser.add_argument("--seeds", nargs="+", type=int, help="default: all")
    parser.add_argument("--hours", type=float, default=float("inf"), help="begin no training after that")
    parser.add_argument("--jobs", type=int, default=_usual_jobs(), help="trainings at once")
    parser.add_argument("--work", type=Path, default=_ROOT / "build" / "lineage", help="models and states")
    parser.add_argument("--results", type=Path, default=_ROOT / "benchmarks" / "results" / "lineage")
    parser.add_argument("--docs", type=Path, default=_ROOT / "docs", help="where the page is written")
    options = parser.parse_args(arguments)
    end = time.monotonic() + 3600 * options.hours
    wanted = [
        (images, row, seed)
        for images, row, seed in runs(options.quick)
        if row.name in (options.rows if options.rows is not None else [row.name])
        and images.name in (options.sets or [images.name])
        and seed in (options.seeds or [seed])
        and (torch.cuda.is_available() or not row.gpu)
    ]
    missing = (not record_of(options.results, *run, options.quick).is_file() for run in wanted)
    if time.monotonic() < end and any(missing):
        try:
            data_folder()
        except NotMeasured:
            parser.error("NAPARI_UNET_DATA names no folder, and there is nothing to train on without it.")
    for images in SETS:
        if images.name in (options.sets or [images.name]) and time.monotonic() < end:
            measure_networks(images, options.results)
    failed: list[str] = []

    def train(run: tuple[ImageSet, Row, int]) -> None:
        images, row, seed = run
        if time.monotonic() > end or record_of(options.results, images, row, seed, options.quick).is_file():
            return
        print(f"{images.name} {row.name} {seed} …", flush=True)
        if options.jobs == 1:
            train_row(images, row, seed, options.work, options.results, options.quick)
        elif code := _train_apart(images, row, seed, options):
            failed.append(f"{images.name} {row.name} {seed} (exit status {code})")

    several = ThreadPoolExecutor(options.jobs)
    try:
        for _ in map(train, wanted) if options.jobs == 1 else several.map(train, wanted):
            write_page(options.results, options.docs)
    finally:
        several.shutdown(cancel_futures=True)
    write_page(options.results, options.docs)
    print(f"{options.docs / 'lineage.md'} written.")
    if failed:
        raise SystemExit(f"Failed: {', '.join(failed)}. The next run tries again.")


def _usual_jobs() -> int:
    """Trainings at once: one for each processor, which then has one thread; one for a GPU."""
    return 1 if torch.cuda.is_available() else os.cpu_count() or 1


def _train_apart(images: ImageSet, row: Row, seed: int, options: argparse.Namespace) -> int:
    """One training in a process of its own, with its share of the processors; returns its exit status.

    Its page is thrown away. The others go on if it fails.
    """
    threads = str(max(1, (os.cpu_count() or 1) // options.jobs))
    one = ["--sets", images.name, "--rows", row.name, "--seeds", str(seed), "--jobs", "1"]
    with tempfile.TemporaryDirectory() as page:
        where = ["--work", options.work, "--results", options.results, "--docs", page]
        command = [sys.executable, "-m", "benchmarks.lineage", *one, *map(str, where)]
        env = os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        command += ["--quick"] * options.quick
        done = subprocess.run(command, env=env, cwd=_ROOT, check=False, stdout=subprocess.DEVNULL)
    return done.returncode


def write_page(results: Path, docs: Path) -> None:
    """The page and its pictures, of everything that is stored."""
    found = read_results(results)
    measured = {images.name: measured_networks(images, results) for images in SETS}
    files = {docs / "lineage.md": page(found, measured)}
    for images in SETS:
        if own := [one for one in found if one.set == images.name]:
            files[docs / "images" / curves_file(images)] = as_svg(own)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial:
            partial.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
