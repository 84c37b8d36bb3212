"""What a DICOM segmentation takes from its image: patient, study, and where each slice lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
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
from napari_unet.io.dicom import read_header
from napari_unet.io.dicom_identity import PATIENT_AND_STUDY, ForResearch
from napari_unet.io.names import files_at

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.valuerep import DSfloat

OTHER = "Save the mask as PNG, TIFF or NIfTI."
_SHARED = {
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
}
_PARALLEL = 1e-3  # by how much the direction cosines of two slices may differ
_PIXELS = 0x0028  # the first group of a header that is about pixels


class SegRefused(UserError):
    """No DICOM segmentation can be made of this mask and image; the words name no file."""


def place_of(like: Raster) -> DicomFrame:
    """The frame of a raster as a segmentation needs it: without a frame of reference for a plain X-ray.

    The planes of a resampled series are evenly spaced, as its array is.

    Raises SegRefused if the image is not DICOM, or if what a segmentation refers to is not known.
    """
    frame = like.frame
    if not isinstance(frame, DicomFrame):
        raise SegRefused("A DICOM segmentation refers to a DICOM image, and this image is not DICOM.", OTHER)
    if frame.shared_uids:
        raise SegRefused(
            "Several slices share one UID, and a DICOM segmentation refers to slices by it.", OTHER
        )
    planes = like.shape[0] if like.pixels.ndim == 3 else 1
    uids = {one.sop_instance for one in frame.instances}
    known = frame.resampled or (all(uids) and all(one.sop_class for one in frame.instances))
    if not (frame.study and frame.series and known):
        raise SegRefused("The image lacks the UIDs that a DICOM segmentation refers to.", OTHER)
    if not frame.resampled and (len(frame.instances) != planes or len(uids) not in (1, planes)):
        raise SegRefused("Some slices of the image are in one file, and some are not.", OTHER)
    placed = len(frame.positions) == planes and len(frame.orientation) == 6 and len(frame.pixel_spacing) == 2
    if planes > 1 and not (placed and frame.frame_of_reference):
        raise SegRefused("The series does not say in which frame of reference it lies.", OTHER)
    if not placed:
        return replace(frame, frame_of_reference="", orientation=(), positions=())
    if not frame.resampled:
        return frame
    even = np.linspace(frame.positions[0], frame.positions[-1], planes)
    return replace(frame, positions=tuple(map(tuple, even.tolist())))


def stored_slices(like: Raster, frame: DicomFrame, source: Source | None) -> tuple[Dataset, DicomFrame]:
    """The header of one file of the image, with patient and study; the frame as its files store it.

    That is `frame` itself, unless it is resampled: then all files say where they lie. Raises SegRefused if
    they are not there.
    """
    headers = _headers(source.files if source is not None else files_at(Path(like.source)), frame)
    first = next(headers, None)
    if first is None:
        raise SegRefused(
            "The file of the image is not there any more: patient and study cannot be copied from it.",
            "Connect its drive, or find the file.",
        )
    if header.number(first, "NumberOfFrames", 1) > 1:
        return first, _stored_frames(first, frame)
    if not frame.resampled:
        return first, frame
    places: dict[Instance, tuple[float, ...]] = {}
    for one in (first, *headers):
        place = tuple(header.numbers(one, "ImagePositionPatient"))
        turned = np.subtract(header.numbers(one, "ImageOrientationPatient") or np.inf, frame.orientation)
        if len(place) == 3 and np.abs(turned).max() <= _PARALLEL:
            places[Instance(header.text(one, "SOPClassUID"), header.text(one, "SOPInstanceUID"))] = place
    return first, replace(frame, instances=tuple(places), positions=tuple(places.values()))


def in_one_file(stored: DicomFrame) -> bool:
    """Whether all slices are in one file."""
    return len(stored.instances) > 1 and len(set(stored.instances)) == 1


def _stored_frames(first: Dataset, frame: DicomFrame) -> DicomFrame:
    """The frames of a multi-frame file, in the order of the file."""
    groups = first.PerFrameFunctionalGroupsSequence
    places = [tuple(header.numbers(each.PlanePositionSequence[0], "ImagePositionPatient")) for each in groups]
    if len(set(places)) < len(places):
        raise SegRefused("The file of the image holds several images of one place.", OTHER)
    instance = Instance(header.text(first, "SOPClassUID"), header.text(first, "SOPInstanceUID"))
    return replace(frame, instances=(instance,) * len(places), positions=tuple(places))


def _headers(files: Iterable[Path], frame: DicomFrame) -> Iterator[Dataset]:
    """Those of the series."""
    for path in files:
        if not is_dicom(path):
            continue
        dataset = read_header(path)
        uids = header.text(dataset, "StudyInstanceUID"), header.text(dataset, "SeriesInstanceUID")
        if uids == (frame.study, frame.series):
            yield dataset


def plain_sources(stored: DicomFrame, first: Dataset, whose: Dataset, between: float) -> list[Dataset]:
    """What highdicom refers to: for each slice its UIDs and place, and what else the header `first` says.

    Of patient and study (`whose`) no value: highdicom refuses some that are in use. between : from slice to
    slice of the mask in mm, 0.0 for one slice.
    """
    from pydicom import Dataset

    made: Any = Dataset()
    for tag in sorted(first.keys()):
        if tag.group < _PIXELS and not tag.is_private and tag not in whose:
            with suppress(Exception):  # no value is needed that cannot be read
                made[tag] = deepcopy(first[tag])
    for keyword in PATIENT_AND_STUDY:
        setattr(made, keyword, "")
    between = between or header.number(first, "SliceThickness", 1.0)
    thickness = header.number(first, "SliceThickness", between)
    through = (thickness if thickness > 0 else between, between)
    size = (int(header.number(first, "Rows", 0)), int(header.number(first, "Columns", 0)))
    if in_one_file(stored):
        return [_as_multi_frame(_placed(made, size, stored, 0, through), stored)]
    others = (Dataset() for _ in stored.instances[1:])  # highdicom looks for the patient in the first one
    return [_placed(each, size, stored, k, through) for k, each in enumerate((made, *others))]


def numbers(values: Iterable[float]) -> list[DSfloat]:
    """Decimal strings, of no more signs than DICOM allows."""
    from pydicom.valuerep import DSfloat

    return [DSfloat(float(value), auto_format=True) for value in values]


def _placed(
    made: Any, size: tuple[int, int], frame: DicomFrame, k: int, through: tuple[float, float]
) -> Dataset:
    """`made` as slice k of a frame. through : thickness of a slice, and from slice to slice in mm."""
    made.SOPClassUID, made.SOPInstanceUID = frame.instances[k]
    made.StudyInstanceUID, made.SeriesInstanceUID = frame.study, frame.series
    made.Rows, made.Columns = size
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


def _as_multi_frame(made: Any, stored: DicomFrame) -> Dataset:
    """What was said of the first slice, as functional groups of all frames."""
    from pydicom import Dataset

    shared: Any = Dataset()
    for sequence, keywords in _SHARED.items():
        group = Dataset()
        for keyword in keywords:
            group[keyword] = made[keyword]
            delattr(made, keyword)
        setattr(shared, sequence, [group])
    frames = []
    for place in stored.positions:
        position, each = Dataset(), Dataset()
        position.ImagePositionPatient = numbers(place)
        each.PlanePositionSequence = [position]
        frames.append(each)
    del made.ImagePositionPatient
    made.NumberOfFrames = len(frames)
    made.SharedFunctionalGroupsSequence, made.PerFrameFunctionalGroupsSequence = [shared], frames
    return cast("Dataset", made)


def between_slices(frame: DicomFrame) -> float:
    """mm from slice to slice; 0.0 for one slice."""
    if len(frame.positions) < 2:
        return 0.0
    apart = np.subtract(frame.positions[-1], frame.positions[0])
    return float(np.linalg.norm(apart)) / (len(frame.positions) - 1)


def mapped(frame: DicomFrame, research: ForResearch) -> DicomFrame:
    """A frame with the UIDs of an export for research."""
    new = research.uids
    instances = tuple(Instance(one.sop_class, new(one.sop_instance)) for one in frame.instances)
    return replace(
        frame,
        study=new(frame.study),
        series=new(frame.series),
        frame_of_reference=new(frame.frame_of_reference),
        instances=instances,
    )
