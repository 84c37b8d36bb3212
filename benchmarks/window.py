"""The Segment dock in a real napari window."""

from __future__ import annotations

from benchmarks import child
from benchmarks.nets import model_at_hand
from benchmarks.result import Column, NotMeasured, Result
from benchmarks.timing import Times

_COLUMNS = (Column("what"), Column("best", "ms"), Column("median", "ms"))
_ROWS = {
    "napari": "napari's own window, for comparison (import and first drawing)",
    "dock": "opening the Segment dock",
    "engine": "from there until the engine is warm, in the background",
    "first segment": "click on Segment until the mask is there, first time",
    "segment": "click on Segment until the mask is there, second time",
    "preview": "threshold slider, one step: mask and Labels layer",
    "drawn": "threshold slider, one step: until it is drawn, on a processor instead of a GPU",
    "release": "threshold slider released: parts, holes, one undoable edit",
}


def measure(quick: bool) -> Result:
    """A window of its own for each round; the clicks and the slider are the dock's own."""
    side, rounds = (256, 1) if quick else (2048, 3)
    with model_at_hand() as model:
        result = Result(
            "In the window",
            f"napari with the Segment dock, operated through its buttons, with {model} and an X-ray of "
            f"{side}×{side}. "
            "All times are those of the window's process, as its user experiences them.",
            _COLUMNS,
        )
        try:
            windows = [child.figures("window", side, window=True) for _ in range(rounds)]
        except NotMeasured as why:
            result.add_missing("Segment dock", why)
            return result
    for key, words in _ROWS.items():
        taken = Times(tuple(s for figures in windows for s in _seconds(figures[key])))
        result.add(words, taken.best, taken.median)
    torch = any(figures["torch"] for figures in windows)
    result.notes.append(f"torch in the window's process: {'yes, and it must not be' if torch else 'no'}.")
    return result


def _seconds(found: float | list[float]) -> list[float]:
    return found if isinstance(found, list) else [found]
