"""python -m benchmarks.lineage: trains what is not trained yet, and writes docs/lineage.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.lineage.page import page
from benchmarks.lineage.plan import ROWS, SETS, runs
from benchmarks.lineage.speed import ratios
from benchmarks.lineage.train import trained
from benchmarks.machine import conditions

_ROOT = Path(__file__).parents[2]


def main() -> None:
    """Trainings that are done are kept; one that was broken off goes on. Each makes the page again."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lineage", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny networks, two epochs: does it run at all?")
    parser.add_argument("--rows", nargs="+", choices=[row.name for row in ROWS], help="default: all")
    parser.add_argument("--sets", nargs="+", choices=[images.name for images in SETS], help="default: all")
    parser.add_argument("--work", type=Path, help="folder for models and results")
    parser.add_argument("--page", type=Path, help="the page to write")
    options = parser.parse_args()
    trial = _ROOT / "build" / "lineage-quick"  # a trial never replaces measured figures
    work = options.work or (trial if options.quick else _ROOT / "build" / "lineage")
    to = options.page or (trial / "lineage.md" if options.quick else _ROOT / "docs" / "lineage.md")
    found, speeds = [], {}
    for images, row, seed in runs(options.quick):
        if row.name not in (options.rows or [row.name]) or images.name not in (options.sets or [images.name]):
            continue
        print(f"{images.name} {row.name} {seed} …", flush=True)
        found.append(trained(images, row, seed, work, options.quick))
        if images.name not in speeds:
            speeds[images.name] = ratios(images, work, options.quick)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(page(found, speeds, _machine()), encoding="utf-8")
    print(f"{to} written.")


def _machine() -> list[str]:
    return [f"{name}: {value}" for name, value in conditions().items() if name != "versions" and value]


if __name__ == "__main__":
    main()
