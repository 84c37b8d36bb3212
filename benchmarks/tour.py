"""How long each stop of the tour takes, and how much memory."""

from __future__ import annotations

from benchmarks import child
from benchmarks.result import Column, NotMeasured, Result
from napari_unet.tour.stops import TOUR

_AIM_S = 1.0
_WALKS = 2
_COLUMNS = (
    Column("stop"),
    Column("first time", "s"),
    Column("second time", "s"),
    Column("peak memory until then, first time", "MB"),
    Column("second time", "MB"),
)


def measure(quick: bool) -> Result:
    """The ten stops one after the other, twice, in a fresh process."""
    side = 256 if quick else 512
    result = Result(
        "The tour",
        f"The ten stops on an X-ray of {side}×{side} with the models that ship, on the CPU, one after the "
        "other and then all again: what the engine does for each, models loaded where they are needed. Not "
        "counted: the start of the process with torch, and drawing in the window. Memory is what the process "
        "takes beyond its start with torch.",
        _COLUMNS,
    )
    try:
        first, second = child.figures("tour", side, _WALKS)["walks"]
    except NotMeasured as why:
        result.add_missing("tour", why)
        return result
    figures = zip(first["seconds"], second["seconds"], first["grown"], second["grown"], strict=True)
    for stop, row in zip(TOUR, figures, strict=True):
        result.add(f"{stop.number}. {stop.title.en}", *row)
    later = [*first["seconds"][1:], *second["seconds"]]
    met = sum(taken <= _AIM_S for taken in later)
    result.notes.append(
        f"The aim is {_AIM_S:.0f} s for each stop after the first one; {met} of {len(later)} met it."
    )
    return result
