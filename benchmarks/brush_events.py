"""What our listeners add to a stroke of the brush."""

from __future__ import annotations

from statistics import median

from benchmarks import child
from benchmarks.result import Column, NotMeasured, Result

_COLUMNS = (Column("what"), Column("napari alone", "ms"), Column("with our docks", "ms"))
_EVENTS = {"move": "one movement of the mouse", "release": "release of the button"}


def measure(quick: bool) -> Result:
    """A window of its own for each round, with real mouse events."""
    side, rounds = (512, 1) if quick else (4096, 3)
    result = Result(
        "Painting",
        f"Strokes of the mouse on a mask of {side}×{side}: how long each event keeps the window, in plain "
        "napari and in a review with its docks open, where every stroke goes to the journal. In turns.",
        _COLUMNS,
    )
    try:
        found = [child.figures("brush_events", side, window=True) for _ in range(rounds)]
    except NotMeasured as why:
        result.add_missing("Painting", why)
        return result
    for how, words in (("filled", "filled mask"), ("outline", "mask as outline")):
        for kind, event in _EVENTS.items():
            cells = [median(one[how][whose][kind] for one in found) for whose in ("napari", "ours")]
            result.add(f"{words}: {event}", *cells)
    result.notes.append("The work on the strokes' pixels and the disk is done outside the window's thread.")
    return result
