"""`segment` on a folder: python -m benchmarks.children.cases_per_minute FOLDER HOW

HOW : "overlapped" as people run it, or "in turn", one case after the other.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.children.peak import bytes_now, peak_bytes
from napari_unet.cli import case_batch
from napari_unet.cli.main import app


def main(folder: Path, how: str) -> None:
    with contextlib.ExitStack() as stack:
        out = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if how == "in turn":
            stack.enter_context(patch.object(case_batch, "overlapped", _in_turn))
        first, *_ = sorted(folder.iterdir())
        _segment(first, out / "first")  # imports, loads the model
        before = bytes_now()
        start, worked = time.perf_counter(), time.process_time()
        cases = _segment(folder, out / "all")
        taken, processor = time.perf_counter() - start, time.process_time() - worked
    figures = {"seconds": taken, "processor": processor, "cases": cases, "bytes": peak_bytes() - before}
    print(json.dumps(figures))


def _segment(images: Path, out: Path) -> int:
    """The command, without its words; the number of masks."""
    with contextlib.redirect_stdout(io.StringIO()):
        app(["segment", str(images), "-o", str(out)], standalone_mode=False)
    return len(list(out.glob("*_mask.png")))


def _in_turn(
    cases: Sequence[Any],
    read: Callable[[Any], Any],
    work: Callable[[int, Any, Any], Any],
    write: Callable[[Any, Any], Any],
    *_: object,
) -> Iterator[Any]:
    for number, case in enumerate(cases):
        yield write(case, work(number, case, read(case)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
