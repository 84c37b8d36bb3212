"""What the headers of a series say of its slices: which they are and where they lie in the patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.frames import Instance
from napari_unet.core.source import Source
from napari_unet.core.wording import first_of, size_in_words
from napari_unet.io import dicom_header as header
from napari_unet.io.content import is_dicom
from napari_unet.io.dicom import guarded, load, read_header
from napari_unet.io.dicom_frames import GROUPS, frame_dataset, frame_header, is_multi_frame, load_frames

if TYPE_CHECKING:
    from pydicom import Dataset

COMPLETE = "Export the whole series from the archive again."
ALONE = "Remove the others from the folder, or export the series from the archive again."
_APART = "Have the archive export each stack by itself."
PARALLEL = 1e-3
"""By how much the direction cosines of two slices of one stack may differ."""
_SQUARE = 1e-2  # how far rows and columns may be from unit length and a right angle
_NAMED = 3
_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_RESCALE = ("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence")
_TAGS = (
    *(*_UIDS, *_RESCALE, "Modality", "Rows", "Columns", "NumberOfFrames"),
    *("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing"),
    *("RescaleType", "GantryDetectorTilt"),
)


@dataclass(frozen=True)
class Slice:
    """What the header of one slice says: UIDs by keyword, (rows, columns), place in mm (L, P, S).

    rescaled : whether it says how its values become those of the machine (HU of a CT); True for machines that
    have no such unit. unit : of a CT that is not in HU, in words. tilt : of the gantry in degrees, as the
    header has it beside the place; 0 if it has none.
    """

    path: Path
    frame: int | None  # of a multi-frame file, from 0
    uids: dict[str, str]
    shape: tuple[int, int]
    orientation: np.ndarray  # (2, 3): along a row, along a column
    position: np.ndarray  # (3,)
    spacing: tuple[float, float]  # from row to row, from column to column
    rescaled: bool
    unit: str
    tilt: float

    @property
    def instance(self) -> Instance:
        """Which stored object it is."""
        return Instance(self.uids["SOPClassUID"], self.uids["SOPInstanceUID"])


def slices_of(source: Source) -> list[Slice]:
    """The slices of a series by their headers alone, in the order of its files.

    Raises UserError, naming the file, if one is missing, is none of a series, or lacks what tells its place;
    and for slices of several series, sizes or orientations.
    """
    if missing := source.missing():
        few = f"{_names(missing)} of the series {source.name}"
        raise UserError(
            f"{few} {'is' if len(missing) == 1 else 'are'} missing ({len(missing)} of "
            f"{len(source.files)} files).",
            "Connect the drive, or find the files.",
        )
    slices = _frames(source.first) if is_multi_frame(source.first) else list(map(_slice, source.files))
    for check in (_one_series, _one_size, _one_plane, _one_unit):
        check(slices, source.name)
    return slices


def same_pixels(one: Slice, other: Slice) -> bool:
    """Whether two slices store the same pixels. Raises UserError if one cannot be read."""
    return _stored(one) == _stored(other)


def _stored(one: Slice) -> tuple[Any, ...]:
    with guarded(one.path.name):
        dataset = pixels_of(one, {})
        return dataset.get("PixelData"), *(header.text(dataset, name) for name in _RESCALE[:2])


def pixels_of(one: Slice, opened: dict[Path, Dataset]) -> Dataset:
    """The dataset of one slice, with its pixels; `guarded` is left to the caller.

    opened : multi-frame files that were read already; gets those that were not.
    """
    if one.frame is None:
        return load(one.path)
    if one.path not in opened:
        opened[one.path] = load_frames(one.path)
    return frame_dataset(opened[one.path], one.frame)


def _frames(path: Path) -> list[Slice]:
    """The frames of a multi-frame file. Raises UserError if they are those of several volumes."""
    with guarded(path.name):
        dataset = read_header(path, *_TAGS, *GROUPS)
        count = int(header.number(dataset, "NumberOfFrames", 1))
        slices = [_known(frame_header(dataset, k), path, k) for k in range(count)]
    if not _are_parallel(slices):
        raise UserError(f"{path.name} contains slices of several orientations.", _APART)
    places = Counter(tuple(one.position) for one in slices)
    if max(places.values()) > 1:
        raise UserError(
            f"{path.name} contains {max(places.values())} volumes in one place, such as phases or times.",
            _APART,
        )
    return slices


def _slice(path: Path) -> Slice:
    if not is_dicom(path):
        raise UserError(f"{path.name} is not a DICOM file, but is among the files of a series.", ALONE)
    with guarded(path.name):
        dataset = read_header(path, *_TAGS)
        if header.number(dataset, "NumberOfFrames", 1) > 1:
            raise UserError(
                f"{path.name} contains several images, but is among the slices of a series.", ALONE
            )
        return _known(dataset, path, None)


def _known(dataset: Dataset, path: Path, frame: int | None) -> Slice:
    """What a header says of its slice. Raises UserError if it does not tell its place."""
    place = header.numbers(dataset, "ImagePositionPatient")
    cosines = header.numbers(dataset, "ImageOrientationPatient")
    spacing = header.numbers(dataset, "PixelSpacing")
    shape = (int(header.number(dataset, "Rows", 0)), int(header.number(dataset, "Columns", 0)))
    uids = {name: header.text(dataset, name) for name in _UIDS}
    orientation = np.array(cosines).reshape(2, 3) if len(cosines) == 6 else np.zeros((2, 3))
    square = np.abs(orientation @ orientation.T - np.eye(2)).max() <= _SQUARE
    if len(place) != 3 or not square:
        raise UserError(
            f"{path.name} does not give its position in the patient, so the slices cannot be ordered.",
            COMPLETE,
        )
    if len(spacing) != 2 or min(spacing) <= 0 or min(shape) < 1:
        raise UserError(f"{path.name} does not give its pixel size.", COMPLETE)
    orientation /= np.linalg.norm(orientation, axis=1, keepdims=True)
    return Slice(
        path,
        frame,
        uids,
        shape,
        orientation,
        position=np.array(place),
        spacing=(spacing[0], spacing[1]),
        rescaled=header.is_rescaled(dataset),
        unit=header.other_unit(dataset),
        tilt=header.number(dataset, "GantryDetectorTilt", 0),
    )


def _one_series(slices: Sequence[Slice], name: str) -> None:
    for keyword, what in (("SeriesInstanceUID", "series"), ("FrameOfReferenceUID", "frames of reference")):
        number = len({one.uids[keyword] for one in slices})
        if number > 1:
            raise UserError(f"The files of {name} belong to {number} {what}.", ALONE)


def _one_size(slices: Sequence[Slice], name: str) -> None:
    shapes = Counter(one.shape for one in slices)
    if len(shapes) > 1:
        sizes = " and ".join(size_in_words(shape) for shape, _ in shapes.most_common(_NAMED))
        raise UserError(f"The series {name} has slices of several sizes ({sizes} pixels).", ALONE)
    if np.ptp([one.spacing for one in slices], axis=0).max() > 1e-3 * min(slices[0].spacing):
        raise UserError(f"The series {name} has slices with pixels of several sizes.", ALONE)


def _one_plane(slices: Sequence[Slice], name: str) -> None:
    if not _are_parallel(slices):
        raise UserError(
            f"The slices of the series {name} are not parallel: one of them may be a scout image.", ALONE
        )


def _are_parallel(slices: Sequence[Slice]) -> bool:
    return bool(np.ptp(np.stack([one.orientation for one in slices]), axis=0).max() <= PARALLEL)


def _one_unit(slices: Sequence[Slice], name: str) -> None:
    without = [one.path for one in slices if not one.rescaled]
    if 0 < len(without) < len(slices):
        raise UserError(
            f"{len(without)} of the {len(slices)} slices of the series {name} "
            f"{'does' if len(without) == 1 else 'do'} not say how values become Hounsfield units: "
            f"{_names(without)}.",
            COMPLETE,
        )
    if len({one.unit for one in slices}) > 1:
        raise UserError(f"The slices of the series {name} have values of several units.", ALONE)


def _names(paths: Sequence[Path]) -> str:
    return first_of([path.name for path in paths], _NAMED)
