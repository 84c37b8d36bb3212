"""A CT series as it opens in the window: python -m benchmarks.children.series FOLDER

Prints the seconds until its slice in the middle can be shown and those until all is read, the size of its
voxels, and the most memory that it took beside them.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.children.peak import bytes_now, peak_bytes
from napari_unet.core.steps import run
from napari_unet.io.arriving import ArrivingSeries
from napari_unet.io.opened import opened


def main(folder: Path) -> None:
    before, start = bytes_now(), time.perf_counter()
    found = opened([folder])
    (source,) = found.images
    series = ArrivingSeries(source)
    middle = len(series) // 2
    assert np.ptp(series[middle]) > 0  # a slice, not the grey of what is not read
    shown = time.perf_counter() - start
    voxels = run(series.steps(lambda: middle)).pixels.nbytes
    whole = time.perf_counter() - start
    beside = peak_bytes() - before - voxels
    print(json.dumps({"shown": shown, "whole": whole, "voxels": voxels, "beside": beside}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
