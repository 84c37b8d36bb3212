"""How long the window stands still when a case is shown, and whose doing that is."""

from __future__ import annotations

from statistics import median

from benchmarks import child
from benchmarks.result import Column, NotMeasured, Result

_COLUMNS = (
    Column("what"),
    Column("longest standstill", "ms"),
    Column("in napari's code", "ms"),
    Column("in ours", "ms"),
    Column("longest stretch of ours", "ms"),
    Column("our share", "share"),
)


def measure(quick: bool) -> Result:
    """A project and a window of its own; every case is accepted, so that the next one comes."""
    count, side = (3, 256) if quick else (10, 2048)
    result = Result(
        "From case to case",
        f"{count} X-rays of {side}×{side} with masks, in napari with the docks Review and Correct. Each is "
        "accepted, so that the next one is shown. Another thread samples every millisecond whose function "
        "the window's thread is in, until nothing runs any more; work in the background is not counted.",
        _COLUMNS,
    )
    try:
        found = child.figures("next_case", count, side, window=True)
    except NotMeasured as why:
        result.add_missing("case", why)
        return result
    for words, shown in (("the first case", [found["first"]]), ("the next case", found["next"])):
        keys = ("longest", "napari", "ours", "piece")
        longest, napari, ours, piece = (median(one[key] for one in shown) for key in keys)
        result.add(words, longest, napari, ours, piece, ours / max(ours + napari, 1e-9))
    result.notes.append(
        "Medians; the first case includes opening its project and the docks. Where the machine has no GPU, "
        "as under Xvfb, napari draws on the processor."
    )
    return result
