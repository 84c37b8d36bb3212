"""How long it takes until something happens: import, --help, the engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks import child
from benchmarks.result import Column, Result
from benchmarks.timing import Times, interleaved

_COLUMNS = (
    Column("what"),
    Column("best", "ms"),
    Column("median", "ms"),
    Column("best, as a share of `import torch`", "share"),
    Column("torch was imported"),
)
_TELL = "; import sys; print('torch' in sys.modules)"
_PROGRAMS = {
    "python, nothing else": "pass",
    "`import numpy`": "import numpy",
    "`import napari_unet`": "import napari_unet",
    "`napari-unet-lung --help`": (
        "import sys, contextlib; from napari_unet.cli.main import main; sys.argv[1:] = ['--help']\n"
        "with contextlib.suppress(SystemExit): main()\n"
    ),
    "`import torch`, for comparison": "import torch",
}


def measure(quick: bool) -> Result:
    """Fresh processes, in turns."""
    rounds = 1 if quick else 9
    programs = {name: code + (_TELL if "\n" not in code else _TELL[2:]) for name, code in _PROGRAMS.items()}
    torch = {name: _says_torch(code) for name, code in programs.items()}
    work: dict[str, Callable[[], object]] = {
        name: partial(child.run, "-c", code) for name, code in programs.items()
    }
    times = interleaved(work, rounds)
    result = Result(
        "Start",
        "Fresh processes, from their start to their end, files in the system's cache. The engine is the "
        "process in which torch works; the window's process waits for it only at the first segmentation.",
        _COLUMNS,
    )
    last = times["`import torch`, for comparison"].best
    for name, taken in times.items():
        result.add(name, taken.best, taken.median, taken.best / last, torch[name])
    engines = [child.figures("engine") for _ in range(1 if quick else 5)]
    for kind, words in (("first", "engine: start and warm"), ("again", "engine: warm again")):
        taken = Times(tuple(figures[kind] for figures in engines))
        result.add(words, taken.best, taken.median, taken.best / last, "in the engine only")
    if any(figures["torch"] for figures in engines):
        result.notes.append("The process that started the engine has imported torch: it must not.")
    return result


def _says_torch(code: str) -> str:
    return "yes" if child.run("-c", code).split()[-1] == "True" else "no"
