"""How often the input check is right, on real images; writes docs/input-gate.md's table to stdout.

Run: NAPARI_UNET_DATA=... python -m benchmarks.input_check
Projections are simulated from CT (mean of HU along an axis): real anatomy, other physics.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage.data
from skimage.color import rgb2gray

from napari_unet.core.errors import UserError
from napari_unet.core.input_check import content_notes
from napari_unet.core.raster import Raster
from napari_unet.inference.segment import segment
from napari_unet.io.formats import read_raster
from napari_unet.models.library import default_library

MODEL = os.environ.get("MODEL", "cxr-lung")

PHOTOGRAPHS = (
    "astronaut brick camera cat cell checkerboard clock coffee coins colorwheel grass gravel "
    "hubble_deep_field immunohistochemistry logo microaneurysms moon page rocket text"
)


def chest(data: Path, folder: str, splits: tuple[str, ...]) -> Iterator[np.ndarray]:
    """The images of some splits of a set of chest X-rays."""
    with (data / "cxr" / folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["split"] in splits:
                yield read_raster(data / "cxr" / folder / "images" / row["file"]).pixels


def projections(data: Path, axis: int) -> Iterator[np.ndarray]:
    """CT added up along an axis of (Z, Y, X), head on top: 1 is a frontal view, 2 a lateral one."""
    for path in sorted((data / "ct" / "lctsc" / "images").glob("*.nii.gz")):
        body = np.clip(read_raster(path).pixels.astype(np.float32) + 1000, 0, 3000)
        yield body.mean(axis=axis)[::-1]


def slices(data: Path) -> Iterator[np.ndarray]:
    """Every 25th CT slice in a lung window, as a screenshot of a viewer shows it."""
    for path in sorted((data / "ct" / "lctsc" / "images").glob("*.nii.gz")):
        for pixels in read_raster(path).pixels[10::25]:
            yield np.clip((pixels.astype(np.float32) + 1250) / 1500 * 255, 0, 255).astype(np.uint8)


def gate_images(data: Path, wanted: bool) -> Iterator[np.ndarray]:
    """Pictures made from CT, of which a manifest says whether a model for chest X-rays may take them."""
    folder = data / "gate_images"
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["gate_should"].startswith("accept") == wanted:
                yield read_raster(folder / "images" / row["file"]).pixels


def photographs() -> Iterator[np.ndarray]:
    """scikit-image's own pictures that come with the package, in grey."""
    for name in PHOTOGRAPHS.split():
        try:
            picture = np.asarray(getattr(skimage.data, name)())
        except (OSError, ConnectionError, ModuleNotFoundError):
            continue  # this version of scikit-image would have to download it
        yield picture if picture.ndim == 2 else rgb2gray(picture[..., :3])


def judged(images: Iterator[np.ndarray], inverted: bool = False) -> tuple[int, int, int, int, list[float]]:
    """(taken, flagged, refused, right polarity, plausibility of each) over the images."""
    card = default_library().find(MODEL).card
    assert card.output.likeness is not None
    taken = flagged = refused = polarity = 0
    values = []
    for pixels in images:
        raster = Raster(pixels.max() - pixels if inverted else pixels)
        prediction = segment(raster, model=MODEL, input_check=False)
        values += prediction.plausibility
        polarity += prediction.inverted == inverted
        try:
            doubtful = bool(content_notes(prediction.plausibility, card.output.likeness, card.use))
        except UserError:
            refused += 1
            continue
        flagged, taken = flagged + doubtful, taken + (not doubtful)
    return taken, flagged, refused, polarity, values


def main() -> None:
    """Prints one row a set."""
    data = Path(os.environ["NAPARI_UNET_DATA"])
    print("| images | n | accepted | flagged | refused | polarity right | plausibility: 5 %, median, 95 % |")
    print("|---|---|---|---|---|---|---|")

    def row(name: str, images: Iterator[np.ndarray], inverted: bool = False, wanted: bool = True) -> None:
        taken, flagged, refused, polarity, values = judged(images, inverted)
        low, middle, high = np.percentile(values, [5, 50, 95])
        right = f"{polarity}" if wanted else "–"
        spread = f"{low:.2f}, {middle:.2f}, {high:.2f}"
        cells = (name, len(values), taken, flagged, refused, right, spread)
        print(f"| {' | '.join(map(str, cells))} |", flush=True)

    for inverted in (False, True):
        kind = ", grey inverted" if inverted else ""
        row(f"Montgomery val{kind}", chest(data, "montgomery", ("val",)), inverted)
        row(f"Shenzhen (TB set, val){kind}", chest(data, "shenzhen_tb", ("val",)), inverted)
        row(f"COVID (adapt){kind}", chest(data, "covid", ("adapt",)), inverted)
        row(f"frontal projections of CT{kind}", projections(data, 1), inverted)
    row("lateral projections of CT", projections(data, 2), wanted=False)
    row("CT slices in a lung window", slices(data), wanted=False)
    em = sorted((data / "em" / "isbi2012" / "images").glob("*"))
    row("electron microscopy", (read_raster(path).pixels for path in em), wanted=False)
    row("photographs and drawings", photographs(), wanted=False)
    row("chest X-rays upside down", (p[::-1] for p in chest(data, "shenzhen_tb", ("val",))), wanted=False)
    row("frontal projections, another computation", gate_images(data, True))
    row("CT slices, scouts, lateral projections", gate_images(data, False), wanted=False)
    on_their_side = (np.rot90(p) for p in chest(data, "shenzhen_tb", ("val",)))
    row("chest X-rays on their side", on_their_side, wanted=False)


if __name__ == "__main__":
    main()
