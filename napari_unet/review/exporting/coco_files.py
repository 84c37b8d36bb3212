"""COCO: 8-bit pictures, and per split one file with run lengths and one with polygons."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.label_set import LabelSet
from napari_unet.core.labels import IGNORE
from napari_unet.io.atomic import atomic_write
from napari_unet.io.pictures import write_png
from napari_unet.review.exporting.coco import bounds, polygons, run_lengths
from napari_unet.review.exporting.item import Item, Writer
from napari_unet.review.exporting.kinds import Format
from napari_unet.review.exporting.pixels import as_bytes

_KINDS = ("rle", "polygons")


class CocoWriter(Writer):
    """`images/` and `annotations/lungs_<split>_<rle|polygons>.json`, labels_... where they are not lungs.

    A category is one annotation an image, also where it is in several parts. Ignored pixels are an annotation
    with `iscrowd` 1 of every category, as COCO's own scores ignore them; always as run lengths. Of a stack
    each slice with a label is a picture of its own.
    """

    format = Format.COCO

    def __init__(self, folder: Path, labels: LabelSet) -> None:
        super().__init__(folder, labels)
        self._categories = dict(zip(labels.values, labels.names, strict=True))
        self._what = "lung" if labels.of_lungs else "label"
        self._images: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._annotations: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        self._count = 0

    def add(self, item: Item, images: bool) -> tuple[str, str]:
        """See Writer; the pictures are always written."""
        grey = as_bytes(item.raster)
        if item.labels.ndim == 2:
            path = self._picture(item, item.file_name, grey, item.labels)
        else:
            used = np.flatnonzero(item.labels.any(axis=(1, 2)))
            for z in used.tolist():
                self._picture(item, f"{item.file_name}_z{z + 1:04}", grey[z], item.labels[z])
            path = self.folder / "images"
        return self.told(path), self.told(self._path(item.split, _KINDS[0]))

    def finish(self) -> list[str]:
        """Writes the annotations."""
        for split, images in self._images.items():
            for kind in _KINDS:
                content = {
                    "info": {"description": f"{self._what.capitalize()} masks, {split}", "version": "1.0"},
                    "licenses": [],
                    "images": images,
                    "annotations": self._annotations[split, kind],
                    "categories": [
                        {"id": number, "name": name, "supercategory": self._what}
                        for number, name in self._categories.items()
                    ],
                }
                with atomic_write(self.place("annotations", self._path(split, kind).name)) as partial:
                    partial.write_text(json.dumps(content), encoding="utf-8")
        return []

    def _path(self, split: str, kind: str) -> Path:
        return self.folder / "annotations" / f"{self._what}s_{split}_{kind}.json"

    def _picture(self, item: Item, name: str, grey: np.ndarray, labels: np.ndarray) -> Path:
        path = self.place("images", f"{name}.png")
        write_png(path, grey)
        self._count += 1
        height, width = labels.shape
        listed = {"id": self._count, "file_name": path.name, "height": height, "width": width}
        self._images[item.split].append(listed)
        for category in self._categories:
            self._annotate(item.split, category, labels == category, ignored=False)
            self._annotate(item.split, category, labels == IGNORE, ignored=True)
        return path

    def _annotate(self, split: str, category: int, mask: np.ndarray, ignored: bool) -> None:
        if not mask.any():
            return
        rle = run_lengths(mask)
        common = {
            "image_id": self._count,
            "category_id": category,
            "area": int(np.count_nonzero(mask)),
            "bbox": bounds(mask),
            "iscrowd": int(ignored),
        }
        for kind, shape in zip(_KINDS, (rle, rle if ignored else polygons(mask)), strict=True):
            there = self._annotations[split, kind]
            there.append({"id": len(there) + 1, **common, "segmentation": shape})
