"""One CT series from its files to the mask and its numbers: python -m benchmarks.children.volume SERIES OUT

Prints the seconds of each part, and the most memory that it took above what torch and the package need.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch  # noqa: F401  (what it needs is no part of the peak)

from benchmarks.chest_ct import SHIPPED
from benchmarks.children.peak import bytes_now, peak_bytes
from napari_unet.core.lung_measures import lung_measures
from napari_unet.core.raster import hounsfield
from napari_unet.core.source import Source
from napari_unet.core.volume_checks import check_volume
from napari_unet.inference.segment import segment
from napari_unet.io.formats import read_raster, write_mask


def main(series: Path, out: Path) -> None:
    before = bytes_now()
    times = [time.perf_counter()]

    def lap() -> float:
        times.append(time.perf_counter())
        return times[-1] - times[-2]

    raster = read_raster(Source.of(tuple(series.iterdir())))
    read = lap()
    prediction = segment(raster, model=SHIPPED, device="cpu", input_check=False)
    network = lap()
    labels = prediction.labels()
    mask = lap()
    lung_measures(labels, raster)
    check_volume(labels, raster.spacing_mm, raster.row_direction, hounsfield(raster))
    write_mask(out, labels, raster)
    found = {"read": read, "network": network, "mask": mask, "rest": lap()}
    print(json.dumps({**found, "bytes": peak_bytes() - before}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
