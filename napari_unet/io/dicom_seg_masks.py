"""A DICOM segmentation as the mask of an image: matched by what it refers to, placed by its frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.frames import DicomFrame
from napari_unet.core.geometry import Geometry, MisplacedMask, on_grid_of
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.labels import MaskLabels
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.io import dicom_header as header
from napari_unet.io.content import is_dicom
from napari_unet.io.dicom import guarded, read_header
from napari_unet.io.dicom_seg_labels import say_sides, values_of
from napari_unet.io.dicom_seg_read import SegFile, is_seg, read_seg

_THIS = "Choose the segmentation of this image."


@dataclass(frozen=True)
class SegMask:
    """The labels (Z, Y, X) of a segmentation, with its header, and what was assumed in reading it.

    sides : as in MaskLabels.
    """

    seg: SegFile
    labels: np.ndarray
    notes: tuple[str, ...]
    sides: bool

    def whole(self) -> MaskLabels:
        """All planes; of one plane (Y, X)."""
        labels = self.labels[0] if len(self.labels) == 1 else self.labels
        return MaskLabels(labels, self.notes, self.sides)

    def on(self, instances: frozenset[str], image: Geometry | None) -> MaskLabels:
        """The labels on the grid of an image that consists of these instances and lies there.

        Raises MisplacedMask if the segmentation refers to other images only, or lies elsewhere.
        """
        notes = self.notes
        if not self.seg.references:
            notes = (*notes, "The segmentation refers to no image: it was placed by its positions alone.")
        elif instances and not instances & self.seg.references:
            raise MisplacedMask("The segmentation refers to other images than this one.", _THIS)
        if image is None and len(instances) == 1:
            (only,) = instances
            planes = [k for k, drawn_on in enumerate(self.seg.of_plane) if only in drawn_on]
            if len(planes) == 1:
                return MaskLabels(self.labels[planes[0]], notes, self.sides)
        if image is None or image.flat:
            return MaskLabels(self.whole().labels, notes, self.sides)
        labels, moved = on_grid_of(self.labels, self.seg.geometry, image)
        return MaskLabels(labels, (*notes, *moved), self.sides)


def read_seg_mask(path: Path, labels: LabelSet = LUNGS, any_label: bool = False) -> SegMask:
    """A segmentation as labels of a set; see `io.dicom_seg_labels`. Raises UserError as `read_labels`."""
    seg = read_seg(path)
    values, notes = values_of(seg.segments, labels, any_label)
    found, twice = seg.labels(values)
    if twice:
        notes = (*notes, f"{twice:,} voxels are in several of its segments: the last of these counts.")
    return SegMask(seg, found, notes, labels.of_lungs and say_sides(seg.segments, values))


def instances_of(image: Path | Source | Raster) -> frozenset[str]:
    """The SOP instance UIDs of an image, or those that a segmentation refers to; none for other files."""
    if isinstance(image, Raster):
        instances = image.frame.instances if isinstance(image.frame, DicomFrame) else ()
        return frozenset(one.sop_instance for one in instances if one.sop_instance)
    files = Source.of(image).files
    if len(files) == 1 and is_seg(files[0]):
        return read_seg(files[0]).references
    return frozenset(uid for path in files if (uid := _instance(path)))


def references_among(masks: Iterable[Path]) -> tuple[dict[str, list[Path]], list[str]]:
    """Of the segmentations among files: which of them refer to an image, by its SOP instance UID.

    And what is wrong with those that cannot be read, in words.
    """
    found: dict[str, list[Path]] = {}
    damaged = []
    for path in masks:
        try:
            refer = read_seg(path).references if is_seg(path) else frozenset()
        except UserError as error:
            damaged.append(str(error))
            continue
        for uid in refer:
            found.setdefault(uid, []).append(path)
    return found, damaged


def _instance(path: Path) -> str:
    if not is_dicom(path):
        return ""
    with guarded(path.name):
        return header.text(read_header(path, "SOPInstanceUID"), "SOPInstanceUID")
