"""What a DICOM segmentation takes from its image: patient, study, and where each slice lies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.frames import DicomFrame, Instance
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.io import dicom_header as header
from napari_unet.io.content import is_dicom
from napari_unet.io.dicom import guarded
from napari_unet.io.dicom_identity import ForResearch

if TYPE_CHECKING:
    from pydicom import Dataset

_OTHER = "Save the mask as PNG, TIFF or NIfTI."
_OF_PATIENT_AND_STUDY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
"""Type 2 in DICOM: empty where the image does not have them."""
_PIXELS = 0x0028  # the first group of a header that is about pixels


class SegRefused(UserError):
    """No DICOM segmentation can be made of this mask and image; the words name no file."""


def place_of(like: Raster) -> DicomFrame:
    """The frame of a raster as a segmentation needs it: without a frame of reference for a plain X-ray.

    Raises SegRefused if the image is not DICOM, or if what a segmentation refers to is not known.
    """
    frame = like.frame
    if not isinstance(frame, DicomFrame):
        raise SegRefused("A DICOM segmentation refers to a DICOM image, and this image is none.", _OTHER)
    if frame.resampled:
        raise SegRefused(
            "The image is not as its files store it (it was straightened, or its slices evened out), so a "
            "mask of it does not fit them.",
            "Save the mask as NIfTI.",
        )
    planes = like.shape[0] if like.pixels.ndim == 3 else 1
    uids = {one.sop_instance for one in frame.instances}
    if not (frame.study and frame.series and all(uids) and all(one.sop_class for one in frame.instances)):
        raise SegRefused("The image lacks the UIDs that a DICOM segmentation refers to.", _OTHER)
    if len(frame.instances) != planes or len(uids) != planes:
        raise SegRefused(
            "A DICOM segmentation is made of a series with one file per slice, or of one image.", _OTHER
        )
    placed = len(frame.positions) == planes and len(frame.orientation) == 6 and len(frame.pixel_spacing) == 2
    if planes > 1 and not (placed and frame.frame_of_reference):
        raise SegRefused("The series does not say in which frame of reference it lies.", _OTHER)
    return frame if placed else replace(frame, frame_of_reference="", orientation=(), positions=())


def source_header(like: Raster, source: Source | None = None) -> Dataset:
    """The header of one file of the image, with patient and study. Raises SegRefused if there is none."""
    import pydicom

    frame = like.frame
    assert isinstance(frame, DicomFrame)
    files = source.files if source is not None else _files_at(Path(like.source))
    for path in files:
        with guarded("The file of the image"):
            if not is_dicom(path):
                continue
            dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            if header.text(dataset, "StudyInstanceUID") == frame.study:
                return dataset
    raise SegRefused(
        "The file of the image is not there any more: patient and study cannot be copied from it.",
        "Connect its drive, or find the file.",
    )


def plain_sources(
    shape: tuple[int, ...], frame: DicomFrame, first: Dataset, research: ForResearch | None
) -> list[Dataset]:
    """What highdicom refers to: for each slice its UIDs and place, and the patient and study of `first`.

    For research all UIDs are those of `research`, and the patient is what it says.
    """
    from pydicom import Dataset

    if research is not None:
        first = research.header(first)
        frame = _mapped(frame, research)
    patient: Any = Dataset()
    for element in deepcopy(first):
        if element.tag.group < _PIXELS and not element.tag.is_private:
            patient[element.tag] = element
    for keyword in _OF_PATIENT_AND_STUDY:
        if keyword not in patient:
            setattr(patient, keyword, "")
    between = _between(frame) or header.number(first, "SliceThickness", 1.0)
    thickness = header.number(first, "SliceThickness", between)
    through = (thickness if thickness > 0 else between, between)
    others = (Dataset() for _ in frame.instances[1:])  # highdicom looks for the patient in the first one
    return [_placed(made, shape, frame, k, through) for k, made in enumerate((patient, *others))]


def _placed(
    made: Any, shape: tuple[int, ...], frame: DicomFrame, k: int, through: tuple[float, float]
) -> Dataset:
    """`made` as slice k of a frame. through : thickness of a slice, and from slice to slice in mm."""
    from pydicom.valuerep import DSfloat

    def numbers(values: tuple[float, ...]) -> list[DSfloat]:
        return [DSfloat(value, auto_format=True) for value in values]

    made.SOPClassUID, made.SOPInstanceUID = frame.instances[k]
    made.StudyInstanceUID, made.SeriesInstanceUID = frame.study, frame.series
    made.Rows, made.Columns = shape[-2:]
    for keyword in ("FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient"):
        if keyword in made:
            delattr(made, keyword)
    if frame.frame_of_reference:
        made.FrameOfReferenceUID = frame.frame_of_reference
        made.ImageOrientationPatient = numbers(frame.orientation)
        made.ImagePositionPatient = numbers(frame.positions[k])
        made.SliceThickness, made.SpacingBetweenSlices = numbers(through)
    if frame.pixel_spacing:
        made.PixelSpacing = numbers(frame.pixel_spacing)
    return cast("Dataset", made)


def _between(frame: DicomFrame) -> float:
    """mm from slice to slice; 0.0 for one slice."""
    if len(frame.positions) < 2:
        return 0.0
    apart = np.subtract(frame.positions[-1], frame.positions[0])
    return float(np.linalg.norm(apart)) / (len(frame.positions) - 1)


def _mapped(frame: DicomFrame, research: ForResearch) -> DicomFrame:
    new = research.uids
    instances = tuple(Instance(one.sop_class, new(one.sop_instance)) for one in frame.instances)
    return replace(
        frame,
        study=new(frame.study),
        series=new(frame.series),
        frame_of_reference=new(frame.frame_of_reference),
        instances=instances,
    )


def _files_at(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    for here, folders, names in os.walk(place):
        folders.sort()
        yield from (Path(here, name) for name in sorted(names))
