"""DICOM files that belong together, by their headers: the slices of each stack, and what lies beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io import dicom_header as header
from napari_unet.io.content import is_dicom
from napari_unet.io.dicom import guarded, read_header
from napari_unet.io.dicom_slices import PARALLEL
from napari_unet.io.names import CAPTURE, LOCALIZER, OBJECT, ODD, REPORT, SEGMENTATION, suffix_of

_VOLUMES = {  # machines whose series are volumes, by what the image is stored as
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
}
_PHOTOGRAPHED = "1.2.840.10008.5.1.4.1.1.7"  # secondary captures: pictures of a screen
_DOCUMENTS = ("1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.104.")  # structured reports, PDF
_SCOUTS = {"LOCALIZER", "SCOUT", "SURVEY"}  # in ImageType
_SERIES = ("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "PatientID")
_APART = (  # what tells the stacks of one series apart, the first that does
    *("AcquisitionNumber", "TemporalPositionIdentifier", "TemporalPositionIndex", "TriggerTime"),
    *("NominalPercentageOfCardiacPhase", "EchoTime", "DiffusionBValue", "ConvolutionKernel"),
    *("SliceThickness", "ImageType", "AcquisitionTime"),
)
_PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
_FIELDS = ("SOPClassUID", "SOPInstanceUID", "Modality", "FrameOfReferenceUID", "NumberOfFrames", *_PLACE)
_NO_DICOM = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nii", ".nii.gz", ".bmp", ".gif", ".webp"})
_FEW = 3  # so many slices are a stack of their own beside a larger one of the same series
_SAME_MM = 0.01  # slices that are no farther apart lie at one place


@dataclass(frozen=True)
class Series:
    """Several files of one stack of CT, MR or PET, in the order in which they were given."""

    files: tuple[Path, ...]
    modality: str

    @property
    def source(self) -> Source:
        """The series as one input."""
        return Source(self.files)


@dataclass
class Sorted:
    """series : the stacks. aside : what lies beside them and is no image of theirs, by the reason."""

    series: list[Series] = field(default_factory=list)
    aside: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))


def sort_out(paths: Iterable[Path]) -> Sorted:
    """The stacks among `paths` of which there are several files with one image each, and what is beside them.

    A series has several stacks if its slices differ in size, orientation or pixel size, or if several lie at
    one place and something in their headers tells them apart (acquisition, phase, kernel). Localizers,
    secondary captures, reports and other objects of the study of a series are set aside, and so are the
    segmentations of the study of any image.
    X-rays are no series: they stand for themselves, also where several are of one series. A series that lies
    in several folders, whole in each, is there several times. What cannot be read is left for its reader to
    refuse.
    """
    headers = [one for path in paths if (one := _header(path))]
    found = Sorted()
    by_series: dict[tuple[str, ...], list[_Header]] = defaultdict(list)
    for one in headers:
        if one.series:
            by_series[one.series].append(one)
    for slices in by_series.values():
        for copy in _copies(slices):
            stacks, odd = _stacks(copy)
            found.series += [Series(tuple(one.path for one in stack), stack[0].kind) for stack in stacks]
            if odd:
                found.aside[ODD] += [one.path for one in odd]
    used = {file for series in found.series for file in series.files}
    own = (one for one in headers if one.path in used or (one.frames > 1 and not one.beside))
    studies = {one.study for one in own} - {""}
    of_images = {one.study for one in headers if not one.beside} - {""}
    for one in headers:
        if one.beside and one.study in (of_images if one.beside == SEGMENTATION else studies):
            found.aside[one.beside].append(one.path)
    return found


def series_among(paths: Iterable[Path]) -> list[Series]:
    """The stacks among `paths`; see `sort_out`."""
    return sort_out(paths).series


def series_number(path: Path) -> str:
    """SeriesNumber of a DICOM file, "" where it has none or cannot be read."""
    try:
        with guarded(path.name):
            found = header.numbers(read_header(path, "SeriesNumber"), "SeriesNumber")
    except UserError:
        return ""
    return str(int(found[0])) if found else ""


@dataclass(frozen=True)
class _Header:
    """What tells where a file belongs. series : () for what is no slice of a volume; kind : machine.

    beside : why it is set aside where its study has a series, "" if it is not. grid : size, pixel size and
    frame of reference. apart : the values of `_APART`.
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


def _header(path: Path) -> _Header | None:
    """None for what is not DICOM or cannot be read."""
    if suffix_of(path).lower() in _NO_DICOM or not is_dicom(path):
        return None
    try:
        with guarded(path.name):
            dataset = read_header(path, *_FIELDS, *_SERIES, *_APART)
            stored, machine = header.text(dataset, "SOPClassUID"), header.text(dataset, "Modality")
            frames = int(header.number(dataset, "NumberOfFrames", 1))
            kind = _VOLUMES.get(stored, machine)
            beside = _why_beside(dataset, stored, kind, frames)
            series: tuple[str, ...] = ()
            if kind in _VOLUMES.values() and not beside and frames == 1:
                uid = header.text(dataset, "SeriesInstanceUID")
                series = (kind, uid) if uid else (kind, str(path.parent), *map(str, _texts(dataset, _SERIES)))
            spacing = tuple(round(mm, 4) for mm in header.numbers(dataset, "PixelSpacing"))
            size = (header.number(dataset, "Rows", 0), header.number(dataset, "Columns", 0))
            return _Header(
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
                tuple(_texts(dataset, _APART)),
            )
    except UserError:
        return None


def _texts(dataset: Any, keywords: Iterable[str]) -> Iterator[str]:
    return (header.text(dataset, keyword) for keyword in keywords)


def _why_beside(dataset: Any, stored: str, kind: str, frames: int) -> str:
    """Why a file is no slice of a series of its study; "" for slices, and for images of other machines."""
    if kind == "SEG":
        return SEGMENTATION
    if stored.startswith(_DOCUMENTS):
        return REPORT
    without_image = stored not in _VOLUMES and header.number(dataset, "Rows", 0) < 1
    if without_image or kind in ("PR", "RTDOSE"):
        return OBJECT
    if stored.startswith(_PHOTOGRAPHED) and frames == 1:
        return CAPTURE
    image_type = dataset.get("ImageType") or ()
    words = {image_type} if isinstance(image_type, str) else set(map(str, image_type))
    return LOCALIZER if kind in _VOLUMES.values() and words & _SCOUTS else ""


def _copies(slices: Sequence[_Header]) -> list[list[_Header]]:
    """The files of a series; of one that was copied, those of each folder."""
    folders: dict[Path, list[_Header]] = defaultdict(list)
    for one in slices:
        folders[one.path.parent].append(one)
    holds = [sorted(one.uid for one in inside) for inside in folders.values()]
    if not holds[0][0] or any(one != holds[0] for one in holds):
        return [list(slices)]
    return list(folders.values())


def _stacks(slices: Sequence[_Header]) -> tuple[list[list[_Header]], list[_Header]]:
    """The stacks of several slices in a series, and single slices beside a stack of theirs.

    What does not tell its place stays with the largest stack, whose reader names it.
    """
    groups: list[list[_Header]] = []
    for one in filter(lambda each: each.is_placed, slices):
        for group in groups:
            if group[0].grid == one.grid and np.allclose(
                group[0].cosines, one.cosines, atol=PARALLEL, rtol=0
            ):
                group.append(one)
                break
        else:
            groups.append([one])
    groups.sort(key=len, reverse=True)
    lost = [one for one in slices if not one.is_placed]
    if not groups:
        groups.append([])
    groups[0] += lost
    odd = [one for group in groups[1:] if len(group) < _FEW <= len(groups[0]) for one in group]
    whole = [group for group in groups if group[0] not in odd]
    stacks = [stack for group in whole for stack in ([group] if lost else _at_one_place(group))]
    return [stack for stack in stacks if len(stack) > 1], odd


def _at_one_place(group: list[_Header]) -> list[list[_Header]]:
    """A group by the first of `_APART` that leaves no two slices at one place; whole if there are none."""
    if not _overlaps(group):
        return [group]
    for k in range(len(_APART)):
        parts: dict[str, list[_Header]] = defaultdict(list)
        for one in group:
            parts[one.apart[k]].append(one)
        several = len(parts) > 1 and min(map(len, parts.values())) > 1
        if several and not any(map(_overlaps, parts.values())):
            return list(parts.values())
    return [group]


def _overlaps(group: Sequence[_Header]) -> bool:
    """Whether different slices lie at one place; one that is stored twice does not count."""
    heights = sorted({one.uid or str(one.path): one.height for one in group}.values())
    return bool((np.diff(heights) < _SAME_MM).any())
