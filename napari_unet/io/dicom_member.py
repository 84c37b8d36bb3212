"""Where a DICOM file belongs, by its header: to a slice of a volume, beside one, or by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.io import dicom_header as header
from napari_unet.io.content import is_dicom
from napari_unet.io.dicom import guarded, read_header
from napari_unet.io.names import CAPTURE, LOCALIZER, OBJECT, PICTURE_SUFFIXES, REPORT, SEGMENTATION, suffix_of

_VOLUMES = {  # machines whose series are volumes, by what the image is stored as
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
}
_PHOTOGRAPHED = "1.2.840.10008.5.1.4.1.1.7"  # secondary captures: pictures of a screen; with .1 to .4, films
_DOCUMENTS = ("1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.104.")  # structured reports, PDF
_SCOUTS = {"LOCALIZER", "SCOUT", "SURVEY"}  # in ImageType
_SERIES = ("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "PatientID")
APART = (  # what tells the stacks of one series apart, the first that does
    *("AcquisitionNumber", "TemporalPositionIdentifier", "TemporalPositionIndex", "TriggerTime"),
    *("NominalPercentageOfCardiacPhase", "EchoTime", "DiffusionBValue", "ConvolutionKernel"),
    *("RescaleType", "SliceThickness", "ImageType", "AcquisitionTime"),
)
_PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
_FIELDS = ("SOPClassUID", "SOPInstanceUID", "Modality", "FrameOfReferenceUID", "NumberOfFrames", *_PLACE)
_NO_DICOM = PICTURE_SUFFIXES | {".nii", ".nii.gz"}


@dataclass(frozen=True)
class Member:
    """What tells where a file belongs. series : () for what is no slice of a volume; kind : machine.

    beside : why it is set aside where its study has a series, "" if it is not. grid : size, pixel size and
    frame of reference. apart : the values of `APART`.
    """

    path: Path
    study: str
    uid: str
    kind: str
    series: tuple[str, ...]
    beside: str
    frames: int
    grid: tuple[Any, ...]
    cosines: tuple[float, ...]
    place: tuple[float, ...]
    apart: tuple[str, ...]

    @property
    def is_placed(self) -> bool:
        """Whether it says all that is needed to find its stack."""
        rows, columns, spacing, _ = self.grid
        return (
            len(self.cosines) == 6 and len(self.place) == 3 and min(rows, columns) > 0 and len(spacing) == 2
        )

    @cached_property
    def height(self) -> float:
        """Along the normal of its plane, in mm."""
        return float(np.cross(self.cosines[:3], self.cosines[3:]) @ np.array(self.place))

    @property
    def is_axial(self) -> bool:
        """Whether it looks along the body rather than across it; True if nothing says so."""
        if len(self.cosines) != 6:
            return True
        across = np.abs(np.cross(self.cosines[:3], self.cosines[3:]))
        return bool(across[2] >= across.max())


def member_of(path: Path) -> Member | None:
    """None for what is not DICOM or cannot be read."""
    if suffix_of(path).lower() in _NO_DICOM or not is_dicom(path):
        return None
    try:
        with guarded(path.name):
            dataset = read_header(path, *_FIELDS, *_SERIES, *APART)
            stored, machine = header.text(dataset, "SOPClassUID"), header.text(dataset, "Modality")
            frames = int(header.number(dataset, "NumberOfFrames", 1))
            kind = _VOLUMES.get(stored, machine)
            beside = _why_beside(dataset, stored, kind)
            series: tuple[str, ...] = ()
            if kind in _VOLUMES.values() and not beside and frames == 1:
                uid = header.text(dataset, "SeriesInstanceUID")
                series = (kind, uid) if uid else (kind, str(path.parent), *map(str, _texts(dataset, _SERIES)))
            spacing = tuple(round(mm, 4) for mm in header.numbers(dataset, "PixelSpacing"))
            size = (header.number(dataset, "Rows", 0), header.number(dataset, "Columns", 0))
            return Member(
                path,
                header.text(dataset, "StudyInstanceUID"),
                header.text(dataset, "SOPInstanceUID"),
                kind,
                series,
                beside,
                frames,
                (*size, spacing, header.text(dataset, "FrameOfReferenceUID")),
                tuple(header.numbers(dataset, "ImageOrientationPatient")),
                tuple(header.numbers(dataset, "ImagePositionPatient")),
                tuple(_texts(dataset, APART)),
            )
    except UserError:
        return None


def _texts(dataset: Any, keywords: Iterable[str]) -> Iterator[str]:
    return (header.text(dataset, keyword) for keyword in keywords)


def _why_beside(dataset: Any, stored: str, kind: str) -> str:
    """Why a file is no slice of a series of its study; "" for slices, and for images of other machines."""
    if kind == "SEG":
        return SEGMENTATION
    if stored.startswith(_DOCUMENTS):
        return REPORT
    without_image = stored not in _VOLUMES and header.number(dataset, "Rows", 0) < 1
    if without_image or kind in ("PR", "RTDOSE"):
        return OBJECT
    if stored == _PHOTOGRAPHED or stored.startswith(f"{_PHOTOGRAPHED}."):
        return CAPTURE
    image_type = dataset.get("ImageType") or ()
    words = {image_type} if isinstance(image_type, str) else set(map(str, image_type))
    return LOCALIZER if kind in _VOLUMES.values() and words & _SCOUTS else ""
