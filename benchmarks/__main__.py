"""python -m benchmarks: measures, writes benchmarks/results/*.json and docs/benchmarks.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.cases import CASES
from benchmarks.machine import conditions
from benchmarks.page import page
from benchmarks.result import read, write

_ROOT = Path(__file__).parent.parent


def main() -> None:
    """Runs the cases that are named, or all; the page is made of all results that lie in the folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], help="default: all")
    parser.add_argument("--quick", action="store_true", help="small images, one round: does it run at all?")
    parser.add_argument("--results", type=Path, help="folder for the figures")
    parser.add_argument("--page", type=Path, help="the page to write")
    options = parser.parse_args()
    trial = _ROOT / "build" / "benchmarks"  # a trial never replaces measured figures
    results = options.results or (trial if options.quick else _ROOT / "benchmarks" / "results")
    to = options.page or (trial / "benchmarks.md" if options.quick else _ROOT / "docs" / "benchmarks.md")
    for name in options.cases or CASES:
        print(f"{name} …", flush=True)
        before = conditions()
        result = CASES[name](options.quick)
        result.conditions = before
        write(result, results / f"{name}.json")
    found = [path for name in CASES if (path := results / f"{name}.json").is_file()]
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(page(read(path) for path in found), encoding="utf-8")
    print(f"{to} written.")


if __name__ == "__main__":
    main()
