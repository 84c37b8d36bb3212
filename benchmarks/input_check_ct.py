"""How often the input check for CT is right, before any model; writes docs/input-gate.md's table to stdout.

Run: NAPARI_UNET_DATA=... python -m benchmarks.input_check_ct
The limits in core/ct_content.py were chosen on these images.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.ct_sets import FOLDS, SILVER, undivided, volume
from benchmarks.ct_variants import cut
from benchmarks.data import data_folder
from napari_unet.core.ct_content import ct_content_notes, lung_like
from napari_unet.core.errors import UserError
from napari_unet.core.input_check import NotForModel
from napari_unet.core.raster import Raster
from napari_unet.io.dicom_sets import sort_out
from napari_unet.io.formats import read_raster

_MARGIN = 2  # slices


def chests() -> Iterator[tuple[Raster, np.ndarray]]:
    """CT volumes with their lungs."""
    yield from map(undivided, FOLDS)
    silver = volume(SILVER)
    yield silver.raster, silver.labels > 0


def beside(raster: Raster, lungs: np.ndarray, below: bool) -> Iterator[Raster]:
    """What lies under the lungs (abdomen), or over them (neck), if there is any."""
    there = np.flatnonzero(lungs.any(axis=(1, 2)))  # Z leads to the head in all of these
    part = slice(0, max(0, there[0] - _MARGIN)) if below else slice(there[-1] + 1 + _MARGIN, None)
    if len(raster.pixels[part]):
        yield replace(raster, pixels=raster.pixels[part], affine=None)


def hard(data: Path) -> Iterator[Raster]:
    """The series of heads, limbs and phantoms that lie in the hard set; its slices of a trunk show lung."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(data / "dicom" / "hard.tar.xz") as archive:
            archive.extractall(folder, filter="data")
        for place in sorted({path.parent for path in Path(folder).rglob("*") if path.is_file()}):
            for series in sort_out(sorted(filter(Path.is_file, place.iterdir()))).series:
                try:
                    raster = read_raster(series.source)
                except UserError:
                    continue  # refused by the reader
                if raster.modality == "CT" and place.name != "ct-3slice":
                    yield replace(raster, body_part="")  # by what they show, not by their header


def judged(images: Iterator[Raster]) -> tuple[int, int, int, list[float]]:
    """(taken, flagged, refused, area of each in cm²)."""
    taken = flagged = refused = 0
    areas = []
    for raster in images:
        areas.append(lung_like(raster.pixels, raster.spacing_mm).area_cm2 if raster.spacing_mm else np.nan)
        try:
            noted = bool(ct_content_notes(raster, ("CT",), ""))
        except NotForModel:
            refused += 1
            continue
        flagged, taken = flagged + noted, taken + (not noted)
    return taken, flagged, refused, areas


def main() -> None:
    """Prints one row a set."""
    data = data_folder()
    print("| images | n | accepted | flagged | refused | like lung, cm² |\n|---|---|---|---|---|---|")

    def row(name: str, images: Iterator[Raster]) -> None:
        *counts, areas = judged(images)
        spread = "–" if np.isnan(areas).all() else f"{np.nanmin(areas):.0f} to {np.nanmax(areas):.0f}"
        print(f"| {' | '.join(map(str, (name, len(areas), *counts, spread)))} |", flush=True)

    row("whole chests", (raster for raster, _ in chests()))
    narrow = (cut(raster, lungs.astype(np.uint8), 0.25)[0] for raster, lungs in chests())
    row("the same in a field of view of half the width", narrow)
    row(
        "under the lungs: abdomen",
        (one for raster, lungs in chests() for one in beside(raster, lungs, True)),
    )
    row(
        "over the lungs: neck",
        (one for raster, lungs in chests() for one in beside(raster, lungs, False)),
    )
    row("heads, limbs and phantoms, by what they show", hard(data))
    pictures = sorted((data / "gate_images" / "images").iterdir())
    row("8-bit pictures of heads, chests, phantoms", (read_raster(path) for path in pictures))


if __name__ == "__main__":
    main()
