"""nnU-Net v2's raw dataset: numbered folders, one channel, labels one after another from 0."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.label_set import LabelSet
from napari_unet.core.labels import IGNORE
from napari_unet.core.raster import Modality, Raster
from napari_unet.io.atomic import atomic_write
from napari_unet.io.nifti import write_nifti
from napari_unet.review.exporting.item import Item, Writer
from napari_unet.review.exporting.kinds import Format
from napari_unet.review.exporting.splits import TEST, VAL

_ENDING = ".nii.gz"
_THICK = 999.0  # mm between the slices of a 2D image, which nnU-Net must not take for neighbours
_AIR_HU = -500  # a volume of an unknown kind with values this low is a CT
_DATASETS = {2: "Dataset501_LungRadiographs", 3: "Dataset502_LungVolumes"}
_OF_ANYTHING = {2: "Dataset501_Radiographs", 3: "Dataset502_Volumes"}


@dataclass
class _Dataset:
    train: list[str]
    val: list[str]
    test: list[str]
    channels: set[str]
    spacings: set[bool]
    ignored: bool = False


class NnUNetWriter(Writer):
    """`Dataset501_LungRadiographs` for images, `Dataset502_LungVolumes` for stacks; else without Lung.

    Cases of the split "test" go to imagesTs and labelsTs, all others to imagesTr and labelsTr. All files are
    NIfTI: one ending a dataset, any depth of pixels, and the spacing. Images are always written.
    """

    format = Format.NNUNET

    def __init__(self, folder: Path, labels: LabelSet) -> None:
        super().__init__(folder, labels)
        self._numbers = np.zeros(IGNORE + 1, np.uint8)  # by value in a mask: 1, 2, ... without a gap
        self._numbers[list(labels.values)] = np.arange(1, len(labels.values) + 1)
        self._numbers[IGNORE] = len(labels.values) + 1
        self._sets: dict[str, _Dataset] = defaultdict(lambda: _Dataset([], [], [], set(), set()))

    def add(self, item: Item, images: bool) -> tuple[str, str]:
        """See Writer; the images are always written."""
        name = (_DATASETS if self.labels.of_lungs else _OF_ANYTHING)[item.labels.ndim]
        dataset = self._sets[name]
        where = "Ts" if item.split == TEST else "Tr"
        {TEST: dataset.test, VAL: dataset.val}.get(item.split, dataset.train).append(item.file_name)
        dataset.channels.add(_channel(item.raster))
        dataset.spacings.add(item.raster.spacing_mm is not None)
        dataset.ignored |= bool((item.labels == IGNORE).any())
        labels = self._numbers[item.labels]
        image = self.place(name, f"images{where}", f"{item.file_name}_0000{_ENDING}")
        mask = self.place(name, f"labels{where}", f"{item.file_name}{_ENDING}")
        write_nifti(image, *_as_volume(item.raster.pixels, item.raster))
        write_nifti(mask, *_as_volume(labels, item.raster))
        return self.told(image), self.told(mask)

    def finish(self) -> list[str]:
        """Writes dataset.json and splits_final.json. Returns what the user should know."""
        notes = []
        for name, dataset in self._sets.items():
            trained = sorted(dataset.train + dataset.val)
            if not trained:
                notes.append(f"nnunet/{name} has test cases only: nnU-Net cannot be trained with it.")
            self._json(name, "dataset.json", content=self._description(len(trained), dataset))
            if dataset.train and dataset.val:
                split = {"train": sorted(dataset.train), "val": sorted(dataset.val)}
                self._json(name, "splits_final.json", content=[split])
            if len(dataset.spacings) > 1:
                notes.append(
                    f"nnunet/{name} mixes images with a known pixel size and without: the latter are written "
                    "as 1 mm per pixel."
                )
        return notes

    def _description(self, trained: int, dataset: _Dataset) -> dict[str, Any]:
        labels = {"background": 0} | {name: k for k, name in enumerate(self.labels.names, start=1)}
        if dataset.ignored:
            labels["ignore"] = len(labels)
        return {
            "channel_names": {"0": next(iter(dataset.channels)) if len(dataset.channels) == 1 else "image"},
            "labels": labels,
            "numTraining": trained,
            "file_ending": _ENDING,
        }

    def _json(self, *where: str, content: object) -> None:
        with atomic_write(self.place(*where)) as partial:
            partial.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _channel(raster: Raster) -> str:
    """nnU-Net keeps Hounsfield units only in a channel named CT; any other name but "noNorm" is z-scored."""
    if raster.modality == Modality.UNKNOWN and raster.pixels.ndim == 3:
        return "CT" if raster.pixels.min(initial=0) <= _AIR_HU else "image"
    return raster.modality.value if raster.modality in (Modality.CT, Modality.MR) else "X-ray"


def _as_volume(pixels: np.ndarray, like: Raster) -> tuple[np.ndarray, Raster]:
    """Pixels as (Z, Y, X) and the raster that they are written like, in NIfTI's plain order of axes."""
    if pixels.ndim == 3:
        return pixels, replace(like, frame=None)
    height, width = like.spacing_mm or (1.0, 1.0)
    volume = pixels[np.newaxis]
    return volume, Raster(volume, spacing_mm=(_THICK, height, width))
