"""A CT series as it opens in the window: when its first slice is seen, and what memory it takes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import child
from benchmarks.chest_ct import SIDE, save_chest
from benchmarks.result import Column, Result

_HOW = (
    f"A folder with a DICOM series of {SIDE}×{SIDE} (the bundled CT sample, enlarged), in a fresh process, "
    "as the window opens it: files are told apart by their headers, the slice in the middle is read and "
    "could be shown, then all others. The files were written just before, so that the disk does not count. "
    "Memory is the peak above what is there after importing, without the voxels themselves (int16)."
)
_COLUMNS = (
    Column("slices"),
    Column("first slice", "s"),
    Column("all slices", "s"),
    Column("first slice: share of the whole", "share"),
    Column("voxels", "MB"),
    Column("peak memory beside them", "MB"),
)


def measure(quick: bool) -> Result:
    """Several lengths."""
    result = Result("A CT series as it opens", _HOW, _COLUMNS)
    for slices in (8,) if quick else (50, 140, 1000):
        with tempfile.TemporaryDirectory() as folder:
            found = child.figures("series", save_chest(Path(folder) / "series", slices))
        whole = found["whole"]
        shown = found["shown"]
        result.add(str(slices), shown, whole, shown / whole, found["voxels"], found["beside"])
    return result
