"""The formats of an export. A new one is a `Writer` and a row in FORMATS."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np

from napari_unet.core.label_set import LabelSet
from napari_unet.core.raster import Raster
from napari_unet.io.formats import write_mask
from napari_unet.io.label_file import LABELS_FILE, write_labels
from napari_unet.io.nifti import write_nifti
from napari_unet.io.pictures import write_png
from napari_unet.io.tiff import write_tiff
from napari_unet.review.exporting.coco_files import CocoWriter
from napari_unet.review.exporting.dicom_seg import ArchiveSegWriter, ResearchSegWriter
from napari_unet.review.exporting.item import Item, NotExported, Writer
from napari_unet.review.exporting.kinds import Format
from napari_unet.review.exporting.manifest import write_rows
from napari_unet.review.exporting.nnunet import NnUNetWriter
from napari_unet.review.exporting.pixels import as_unsigned


class _Files(Writer):
    """`images/<case>` and `masks/<case>` under one name, with labels.csv and training's manifest."""

    suffix: ClassVar[str]

    def __init__(self, folder: Path, labels: LabelSet) -> None:
        super().__init__(folder, labels)
        self._rows: list[tuple[str, str, str]] = []

    def add(self, item: Item, images: bool) -> tuple[str, str]:
        """See Writer."""
        mask = self.place("masks", item.file_name + self.suffix)
        write_mask(mask, item.labels, item.raster)
        if not images:
            return "", self.told(mask)
        image = self.place("images", item.file_name + self.suffix)
        self._rows.append((image.name, item.group or item.patient or item.case, item.split))
        self.write_image(image, item.raster)
        return self.told(image), self.told(mask)

    def finish(self) -> list[str]:
        """Writes what the numbers mean, and the manifest that training reads.

        Who is unknown counts as a patient of their own there.
        """
        write_labels(self.place(LABELS_FILE), self.labels)
        if self._rows:
            write_rows(self.place("manifest.csv"), ("file", "patient", "split"), self._rows)
        return []

    @abstractmethod
    def write_image(self, path: Path, raster: Raster) -> None:
        """Writes the pixels, with the spacing where the format has a place for it."""


class PngWriter(_Files):
    """8 or 16 bit; other pixels are stretched over 16 bit."""

    format = Format.PNG
    suffix = ".png"

    def add(self, item: Item, images: bool) -> tuple[str, str]:
        """See Writer."""
        if item.labels.ndim == 3:
            raise NotExported("PNG cannot store stacks; use tiff or nifti")
        return super().add(item, images)

    def write_image(self, path: Path, raster: Raster) -> None:
        """See _Files."""
        write_png(path, as_unsigned(raster.pixels))


class TiffWriter(_Files):
    """With the spacing as ImageJ's calibration; what is not 8 or 16 bit without sign becomes float32."""

    format = Format.TIFF
    suffix = ".tif"

    def write_image(self, path: Path, raster: Raster) -> None:
        """See _Files."""
        fits = raster.pixels.dtype in (np.uint8, np.uint16)
        write_tiff(path, raster.pixels if fits else raster.pixels.astype(np.float32), raster)


class NiftiWriter(_Files):
    """In the order and with the affine of the source."""

    format = Format.NIFTI
    suffix = ".nii.gz"

    def write_image(self, path: Path, raster: Raster) -> None:
        """See _Files."""
        write_nifti(path, raster.pixels, raster)


FORMATS: dict[Format, type[Writer]] = {
    writer.format: writer
    for writer in (
        *(PngWriter, TiffWriter, NiftiWriter, CocoWriter, NnUNetWriter),
        *(ResearchSegWriter, ArchiveSegWriter),
    )
}
