"""python -m benchmarks.finding.boxes OUT: the maps of the test images on which a radiologist has drawn a box.

Five pictures to look at, and no rate: they are too few for one.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.data import data_folder
from benchmarks.finding.measure import reader
from napari_unet.core.palette import YELLOW
from napari_unet.inference.find import NoScore, find
from napari_unet.io.formats import read_raster
from napari_unet.io.heat_picture import drawn
from napari_unet.io.pictures import write_png


def main() -> None:
    """Writes each image with the map of its first finding, the zones and the boxes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finding.boxes", description=__doc__)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    folder = data_folder() / "cxr" / "nih_findings"
    tested = {row["file"] for row in _rows(folder / "manifest.csv") if row["split"] == "test"}
    boxes: dict[str, list[dict[str, str]]] = {}
    for row in _rows(folder / "boxes.csv"):
        if row["file"] in tested:
            boxes.setdefault(row["file"], []).append(row)
    for name, found in boxes.items():
        raster = read_raster(folder / "images" / name)
        try:
            prediction = find(raster, model=str(reader().entry.folder), device="cpu")
        except NoScore as why:
            print(f"{name}: {why}")
            continue
        picture = drawn(raster, prediction, next(iter(prediction.scores)))
        write_png(out / f"{Path(name).stem}.png", _with_boxes(picture, found, raster.shape[1]))
        scores = ", ".join(f"{finding} {100 * score:.0f}" for finding, score in prediction.scores.items())
        print(f"{name}: {', '.join(row['label'] for row in found)}; {scores}")


def _with_boxes(picture: Image.Image, boxes: list[dict[str, str]], width: int) -> np.ndarray:
    factor = picture.width / width
    draw = ImageDraw.Draw(picture)
    for row in boxes:
        left, top, wide, high = (factor * float(row[name]) for name in ("x", "y", "w", "h"))
        draw.rectangle((left, top, left + wide, top + high), outline=YELLOW, width=3)
    return np.asarray(picture)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


if __name__ == "__main__":
    main()
