"""A mask layer as a DICOM segmentation: whose it is, how it came about, what is said when it is saved."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.core.mask_history import Made, MaskHistory
from napari_unet.core.raster import Raster
from napari_unet.core.wording import counted
from napari_unet.io.dicom_identity import ForResearch
from napari_unet.io.dicom_seg import WrittenSeg, write_seg
from napari_unet.widgets.common.results import MaskResult, as_made, has_sides


class SegKind(Enum):
    """For whom a DICOM segmentation is."""

    ARCHIVE = "archive"
    RESEARCH = "research"


@dataclass(frozen=True)
class SavedSeg:
    """A file that was saved, and for whom it is. part : as in MaskHistory."""

    written: WrittenSeg
    kind: SegKind
    part: str = ""

    def sentence(self) -> str:
        """What to say when it is saved."""
        path = self.written.path
        whose = "It contains the patient and the study of the image, for the archive."
        if self.kind is SegKind.RESEARCH:
            whose = "It contains no patient data and refers to no image."
        checked = "" if self.written.read_by == "pydicom" else "It was read back and checked with dcmqi."
        unreviewed = "Nobody has accepted the mask: its description begins with UNREVIEWED."
        part = f"It contains {self.part} only, and is labelled so." if self.part else ""
        said = (f"Saved {path.name} in {path.parent}.", whose, checked, unreviewed, part, *self.written.notes)
        return " ".join(filter(None, said))


def save_seg(result: MaskResult, data: np.ndarray, path: Path, kind: SegKind) -> SavedSeg:
    """Write the layer's `data` to `path`. Raises UserError as `write_seg`."""
    labels = np.array(data).reshape(result.shape)
    known = RIGHT_AND_LEFT if result.by_geometry and has_sides(result, labels) else result.labels
    made = Made.AUTOMATIC if as_made(result, labels) else Made.SEMIAUTOMATIC
    prediction = result.prediction
    seen, planes = prediction.stopped_at, prediction.planes
    part = "" if seen is None else f"{seen:,} of {counted(planes, 'slice')}"
    history = MaskHistory(made, prediction.model, prediction.version, part=part)
    research = None
    if kind is SegKind.RESEARCH:
        research = ForResearch(f"case-{secrets.token_hex(4)}", images=False)
    like = Raster(labels, **result.header)
    return SavedSeg(write_seg(path, labels, like, known, history, research), kind, part)
