"""A review project of 10,000 cases."""

from __future__ import annotations

from benchmarks import child
from benchmarks.result import Column, NotMeasured, Result
from benchmarks.timing import Times

_COLUMNS = (Column("what"), Column("best", "ms"), Column("worst", "ms"))
_ROWS = {
    "find": "find the images in a folder",
    "add": "add them to a project",
    "open": "open the project and read all cases",
    "order": "order the queue by anatomy checks",
    "first": "`review open`: from the start of the process until the first case is on the screen",
    "next": "next case, until its layers are there",
    "filter": "type into the search box, until the rows are there (150 ms of it waiting for more letters)",
    "sort": "click on a column heading, until it is drawn",
    "scroll": "scroll to another place, until it is drawn",
}


def measure(quick: bool) -> Result:
    """A new project and a window of its own."""
    count, side = (100, 256) if quick else (10_000, 2048)
    result = Result(
        "Review queue",
        f"A project of {count:,} X-rays of {side}×{side} (one file under many names), used in napari with "
        "the docks Review and Correct. All times are those of the window's process.",
        _COLUMNS,
    )
    try:
        found = child.figures("review_queue", count, side, window=True)
    except NotMeasured as why:
        result.add_missing("review project", why)
        return result
    for key, words in _ROWS.items():
        seconds = found[key] if isinstance(found[key], list) else [found[key]]
        result.add(words, Times(tuple(seconds)).best, max(seconds))
    result.notes.append(
        f"torch in the window's process: {'yes, and it must not be' if found['torch'] else 'no'}."
    )
    return result
