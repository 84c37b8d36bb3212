"""Each stop of the tour as the engine does it: python -m benchmarks.children.tour SIDE WALKS"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace

from benchmarks.children.peak import bytes_now, peak_bytes
from benchmarks.images import xray
from napari_unet.core.lineage import STOPS
from napari_unet.core.steps import run
from napari_unet.engine.here import steps
from napari_unet.io.formats import read_raster
from napari_unet.samples import CT, SAMPLES


def main(side: int, walks: int) -> None:
    """Prints for each walk the seconds of its stops, and how far memory had grown after each."""
    raster = replace(read_raster(SAMPLES[0].image), pixels=xray(side))
    run(steps("warm"))
    before = bytes_now()
    found = []
    for _ in range(walks):
        seconds, grown = [], []
        for stop in STOPS:
            start = time.perf_counter()
            run(steps("tour_stop", raster=raster, stop=stop, device="cpu", ct=CT.image))
            seconds.append(time.perf_counter() - start)
            grown.append(peak_bytes() - before)
        found.append({"seconds": seconds, "grown": grown})
    print(json.dumps({"walks": found}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
