"""Write the travel set, `resources/travel`: eight children and eight adults, from $NAPARI_UNET_DATA.

Chosen by eye from rows of the split val, for their variety: ages, views, disease, gas in the stomach. No
recipe of this project trains or validates with them.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from PIL import Image

CHILDREN = (
    "train_IM-0182-0001.jpg",
    "train_IM-0668-0001.jpg",
    "train_NORMAL2-IM-1116-0001.jpg",
    "train_person1744_bacteria_4583.jpg",
    "train_person339_bacteria_1574.jpg",
    "train_person1252_virus_2124.jpg",
    "train_person1518_virus_2645.jpg",
    "train_person457_virus_944.jpg",
)
NIH = (
    "00000129_000.jpg",
    "00001613_000.jpg",
    "00001684_021.jpg",
    "00001962_000.jpg",
    "00003356_000.jpg",
    "00010399_001.jpg",
    "00018002_000.jpg",
    "00027327_000.jpg",
)
LONGEST = 256  # pixels of the longer side
SOURCES = (("Child", "children", CHILDREN), ("NIH", "nih_findings", NIH))
TARGET = Path(__file__).parent.parent / "resources" / "travel"


def main() -> None:
    """All images and the list."""
    TARGET.mkdir(exist_ok=True)
    lines = []
    for title, folder, names in SOURCES:
        place = Path(os.environ["NAPARI_UNET_DATA"]) / "cxr" / folder
        with open(place / "manifest.csv", encoding="utf-8") as table:
            rows = {row["file"]: row for row in csv.DictReader(table)}
        for number, name in enumerate(names, start=1):
            row = rows[name]
            if row["split"] != "val":
                raise SystemExit(f"{name} is not in the split val")
            file = f"{title.lower()}_{number}.png"
            _small(place / "images" / name, row).save(TARGET / file, optimize=True)
            lines.append({"file": file, "title": f"{title} {number}", "set": folder, "original": name})
    with open(TARGET / "travel.csv", "w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def _small(path: Path, row: dict[str, str]) -> Image.Image:
    """In its true shape (the children's images are squeezed to a square)."""
    width, height = int(row["orig_width"]), int(row["orig_height"])
    scale = LONGEST / max(width, height)
    with Image.open(path) as image:
        return image.convert("L").resize(
            (round(width * scale), round(height * scale)), Image.Resampling.LANCZOS
        )


if __name__ == "__main__":
    main()
