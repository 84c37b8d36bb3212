"""A mask as a DICOM segmentation (SEG): coded segments that refer to the image that they were drawn on.

highdicom makes the object. It is BINARY with all frames, because Slicer reads no label map, and viewers
trip over frames and segments that are missing or empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.frames import DicomFrame
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT, Label, LabelSet
from napari_unet.core.labels import IGNORE, as_bytes
from napari_unet.core.mask_history import UNREVIEWED, Made, MaskHistory
from napari_unet.core.quiet import quiet
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.io import dicom_header as header
from napari_unet.io.atomic import atomic_write
from napari_unet.io.content import is_dicom
from napari_unet.io.dicom import guarded
from napari_unet.io.dicom_identity import ForResearch, letters_in_doubt, patient_and_study
from napari_unet.io.dicom_seg_planes import own_planes, refer_to_slices
from napari_unet.io.dicom_seg_read import is_seg
from napari_unet.io.dicom_seg_source import (
    OTHER,
    SegRefused,
    between_slices,
    mapped,
    place_of,
    plain_sources,
    stored_slices,
)

if TYPE_CHECKING:
    from pydicom import Dataset

PROGRAM = "napari-unet-lung"
_SCHEME = "99UNETLUNG"  # for labels that have no code
_CATEGORY = ("123037004", "SCT", "Body structure")
_MEANINGS = {"39607008": "Lung", "3341006": "Right lung", "44029006": "Left lung"}
_CODES = {label.name: label.code for known in (LUNGS, RIGHT_AND_LEFT) for label in known.labels}
_LONG = 64  # characters in a value of the type LO
_SERIES = 1000  # added to the series number of the image
_HIGHEST = 2**31 - 1  # number in a value of the type IS
_LETTERS = (
    "The header of the image does not rightly name the character set of its patient and study: letters "
    "beyond A to Z may not be what was meant."
)


@dataclass(frozen=True)
class WrittenSeg:
    """A SEG that is on the disk.

    read_by : the program that read it again and found the same mask. notes : what the user should know, one
    sentence each.
    """

    path: Path
    read_by: str
    notes: tuple[str, ...]


def write_seg(
    path: Path,
    labels: np.ndarray,
    like: Raster,
    known: LabelSet,
    history: MaskHistory,
    research: ForResearch | None = None,
    source: Source | None = None,
) -> WrittenSeg:
    """Writes a mask of a DICOM image or series as a DICOM segmentation, and reads it again.

    Parameters
    ----------
    path : Path
        Where to; an existing file is replaced once the new one was read again, but never a DICOM image.
    labels : ndarray of bool or integers of the shape of `like`
        0 is background, IGNORE becomes background, the others are labels of `known`.
    like : Raster
        The image, as `read_raster` gives it.
    known : LabelSet
        What the labels mean. The two sets for lungs accept each other's masks.
    history : MaskHistory
        What made the mask, and who accepted it.
    research : ForResearch, optional
        Without patient and study. None is for the archive: both are copied exactly.
    source : Source, optional
        The files of the image; by default those at `like.source`.

    Returns
    -------
    WrittenSeg
        With what read it again.

    Raises
    ------
    SegRefused
        If the image is not DICOM or lacks what a segmentation refers to, if nothing is marked, or if what was
        read again differs. The words name no file.
    UserError
        If the file cannot be written, or is an image.
    """
    from napari_unet.io.dicom_seg_check import read_again

    said = history.in_words()
    frame = place_of(like)
    if path.exists() and is_dicom(path) and not is_seg(path):
        raise UserError(f"{path.name} is an image and is not overwritten.", "Choose another name.")
    marked, segments, notes = _segments(labels, known)
    if research is not None and not research.images and not frame.frame_of_reference:
        raise SegRefused(
            "A DICOM segmentation of an X-ray says where it lies only by its image, which is not exported.",
            "Export the images as well, or save the mask as PNG.",
        )
    if like.row_direction is None and any(label.side for label in segments):
        said += ", side assumed"
        notes = (*notes, "The image does not say which side is which: right and left are assumed.")
    with _without_a_name("The header of the image is damaged and cannot be read."):
        first, stored = stored_slices(like, frame, source)
        image = Path(first.filename)
        if research is not None:
            first, frame, stored = research.header(first), mapped(frame, research), mapped(stored, research)
        whose = patient_and_study(first)
        if letters_in_doubt(first, whose):
            notes = (*notes, _LETTERS)
    described = [(label, said) for label in segments]
    with _without_a_name("No DICOM segmentation can be made of this kind of image."), quiet("highdicom"):
        made = _made(marked, described, frame, stored, first, whose, history, research)
    with atomic_write(path) as partial:
        with quiet("pydicom", "highdicom"):
            made.save_as(partial, enforce_file_format=True)
        read_by, remark = read_again(partial, marked, frame, whose, image)
    return WrittenSeg(path, read_by, (*notes, *remark))


@contextmanager
def _without_a_name(problem: str) -> Iterator[None]:
    """What pydicom and highdicom fail at is refused in these words; theirs quote values."""
    with guarded("The header of the image"):
        try:
            yield
        except MemoryError:
            raise
        except UserError as error:
            raise SegRefused(error.problem, error.remedy) from None
        except Exception:
            raise SegRefused(problem, OTHER) from None


def _segments(labels: np.ndarray, known: LabelSet) -> tuple[np.ndarray, list[Label], tuple[str, ...]]:
    """uint8 (Z, Y, X) with 1, 2, ... for the labels that have pixels; these labels; notes.

    Raises SegRefused if nothing is marked, or something that has no meaning.
    """
    values = labels.astype(np.uint8) if labels.dtype == bool else as_bytes(labels)
    if known.of_lungs:
        known = RIGHT_AND_LEFT if known.of_mask(values).tells_sides else LUNGS
    there = np.bincount(values.ravel(), minlength=IGNORE + 1)
    odd = [int(value) for value in np.flatnonzero(there) if value not in (0, IGNORE, *known.values)]
    if odd:
        raise SegRefused(f"The mask holds the label {odd[0]}, which has no meaning in {known.in_words()}.")
    found = [label for label in known.labels if there[label.value]]
    if not found:
        raise SegRefused("The mask is empty: a DICOM segmentation has no empty segments.", "Mark something.")
    numbers = np.zeros(IGNORE + 1, np.uint8)
    numbers[[label.value for label in found]] = np.arange(1, len(found) + 1)
    notes = []
    if len(found) < len(known.labels):
        empty = ", ".join(label.name for label in known.labels if label not in found)
        notes.append(f"Nothing is marked as {empty}: the DICOM segmentation has no such segment.")
    if there[IGNORE]:
        notes.append("Pixels marked “not sure” are background in a DICOM segmentation.")
    return numbers[values if values.ndim == 3 else values[None]], found, tuple(notes)


def _made(
    marked: np.ndarray,
    segments: Sequence[tuple[Label, str]],
    frame: DicomFrame,
    stored: DicomFrame,
    first: Dataset,
    whose: Dataset,
    history: MaskHistory,
    research: ForResearch | None,
) -> Any:
    """The object, for the archive or for research.

    segments : each with its description. frame, stored : where the mask and where the files lie; one and the
    same unless the image was resampled. first, whose : the header of a file of the image, with its patient
    and study.
    """
    import highdicom
    from pydicom.uid import ExplicitVRLittleEndian

    said = history.in_words()
    described = [_described(k, *segment, history) for k, segment in enumerate(segments, start=1)]
    names = " and ".join(label.name for label, _ in segments)
    series = f"{names}, {said}" if history.accepted else f"{said} ({names})"
    made: Any = highdicom.seg.Segmentation(
        source_images=plain_sources(stored, first, whose, between_slices(frame)),
        pixel_array=marked,
        segmentation_type="BINARY",
        segment_descriptions=described,
        series_instance_uid=highdicom.UID(),
        series_number=_series_number(first),
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer=PROGRAM,
        manufacturer_model_name=PROGRAM,
        software_versions=_version(),
        device_serial_number="none",
        content_label="SEGMENTATION" if history.accepted else UNREVIEWED,
        content_description=said[:_LONG],
        series_description=series[:_LONG],
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=False,
        specific_character_set="ISO_IR 192",
        **own_planes(frame, stored),
    )
    made.update(deepcopy(whose))
    refer_to_slices(made, frame, stored)
    made.ContentCreatorName = "" if research else _name(history.reader)
    if not frame.frame_of_reference:
        made.PatientOrientation = list(frame.patient_orientation)
    if research is not None:
        research.mark(made)
        if not research.images:
            _without_references(made)
    return made


def _series_number(first: Dataset) -> int:
    number = _SERIES + int(header.number(first, "SeriesNumber", 0))
    return number if _SERIES < number <= _HIGHEST else _SERIES


def _described(number: int, label: Label, said: str, history: MaskHistory) -> Any:
    """One segment. said : its description."""
    import highdicom
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    known = label.code or _CODES.get(label.name.casefold(), "")
    code = Code(known, "SCT", _MEANINGS.get(known, label.name[:_LONG]))
    if not known:
        code = Code(f"label-{label.value}", _SCHEME, label.name[:_LONG])
    algorithm = None
    if history.made is not Made.MANUAL:
        algorithm = highdicom.AlgorithmIdentificationSequence(
            name=(history.model or "unknown (mask from a file)")[:_LONG],
            family=codes.cid7162.ArtificialIntelligence,
            version=(history.version or "unknown")[:_LONG],
        )
    uid = highdicom.UID()
    made = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=label.name[:_LONG],
        segmented_property_category=Code(*_CATEGORY),
        segmented_property_type=code,
        algorithm_type=history.made.value,
        algorithm_identification=algorithm,
        tracking_uid=uid,
        tracking_id=f"{label.name} {uid.rpartition('.')[2][:8]}"[:_LONG],
    )
    made.SegmentDescription = said
    return made


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(PROGRAM)[:_LONG]
    except PackageNotFoundError:  # run from the sources
        return "unknown"


def _name(reader: str) -> str:
    """As a person's name in DICOM: signs with a meaning there become spaces."""
    plain = (" " if sign in "\\^=" or not sign.isprintable() else sign for sign in reader)
    return "".join(plain)[:_LONG].strip()


def _without_references(made: Any) -> None:
    """The images do not go along: nothing that refers to them is left."""
    for keyword in ("ReferencedSeriesSequence", "SourceImageSequence"):
        if keyword in made:
            delattr(made, keyword)
    for group in made.PerFrameFunctionalGroupsSequence:
        if "DerivationImageSequence" in group:
            del group.DerivationImageSequence
