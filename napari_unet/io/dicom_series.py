"""A DICOM series of CT, MR or PET as one volume: which slices, in which order, where in the patient.

Read is what is certain: an upright, complete, evenly spaced stack of one size and orientation. Anything else
is refused in words, since a volume that is wrong in millimetres looks like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.frames import DicomFrame, Instance
from napari_unet.core.geometry import Geometry
from napari_unet.core.padding import set_apart
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.io import dicom_header as header
from napari_unet.io.content import is_dicom
from napari_unet.io.dicom import guarded, load
from napari_unet.io.dicom_pixels import Values, read_values

EVEN_MM, EVEN = 0.05, 0.02
"""Slices are evenly spaced if none is farther from its place than this: in mm, or as a share of the spacing.

Headers round places to hundredths of a millimetre, some to tenths.
"""
_TILT_MM, _TILT_DEGREES = 0.1, 0.1  # how far and how steeply the last slice may be shifted against the first
_SAME_PLACE = 0.02  # share of the spacing below which two slices lie at one place
_PARALLEL = 1e-3  # by how much the direction cosines of two slices may differ
_SQUARE = 1e-2  # and how far rows and columns may be from unit length and a right angle
_WHOLE = 0.05  # how far a gap may be from a whole number of spacings
_NAMED = 3
_ALONE = "Remove the others from the folder, or export the series from the archive again."
_COMPLETE = "Export the whole series from the archive again."
_ELSEWHERE = "Have it reconstructed without tilt, or convert it with dcm2niix and open the NIfTI file."
_LPS_TO_SPL = [2, 1, 0]
_TAGS = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"),
    *("Rows", "Columns", "NumberOfFrames", "ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing"),
)


@dataclass(frozen=True)
class _Slice:
    """What the header of one slice says: UIDs by keyword, (rows, columns), place in mm (L, P, S)."""

    path: Path
    uids: dict[str, str]
    shape: tuple[int, int]
    orientation: np.ndarray  # (2, 3): along a row, along a column
    position: np.ndarray  # (3,)
    spacing: tuple[float, float]  # from row to row, from column to column


@dataclass(frozen=True)
class _Stack:
    """Slices in their order along the normal of their plane. step : (3,) from one to the next in mm."""

    slices: tuple[_Slice, ...]
    step: np.ndarray

    @property
    def spacing(self) -> tuple[float, float, float]:
        return (float(np.linalg.norm(self.step)), *self.slices[0].spacing)

    @property
    def shape(self) -> tuple[int, int, int]:
        return (len(self.slices), *self.slices[0].shape)

    def affine(self) -> np.ndarray:
        """(4, 4): index (Z, Y, X) to mm towards superior, posterior, left."""
        first = self.slices[0]
        along_row, along_column = first.orientation
        columns = (self.step, along_column * first.spacing[0], along_row * first.spacing[1], first.position)
        affine = np.eye(4)
        affine[:3] = np.stack(columns, axis=1)[_LPS_TO_SPL]
        return affine

    def frame(self) -> DicomFrame:
        first = self.slices[0]
        return DicomFrame(
            first.uids["StudyInstanceUID"],
            first.uids["SeriesInstanceUID"],
            first.uids["FrameOfReferenceUID"],
            tuple(Instance(one.uids["SOPClassUID"], one.uids["SOPInstanceUID"]) for one in self.slices),
            tuple(map(float, first.orientation.ravel())),
            tuple(tuple(map(float, one.position)) for one in self.slices),
            first.spacing,
        )


def read_series(source: Source) -> Raster:
    """The slices of a series as a raster (Z, Y, X).

    Slices are ordered by ImagePositionPatient along the normal of ImageOrientationPatient, whatever their
    names and numbers; their pixels stay as they are stored. Values are those after each slice's own rescale
    (HU of a CT). The spacing between slices comes from their positions. Everything that is true of the
    series, its window too, is taken from the slice in the middle.
    Raises UserError, with what is wrong, if a file is missing or damaged, and for what is not an upright,
    complete, evenly spaced stack of slices of one size and orientation.
    """
    stack = _stack(source)
    pixels, padding, notes = _volume(stack)
    middle = _dataset(stack.slices[len(stack.slices) // 2].path)
    return Raster(
        pixels,
        spacing_mm=stack.spacing,
        spacing_source="PixelSpacing, ImagePositionPatient",
        affine=stack.affine(),
        modality=header.modality(middle),
        inverted=header.inverted(middle),
        window=header.window(middle),
        padding=padding,
        row_direction=header.row_direction(middle),
        body_part=header.text(middle, "BodyPartExamined"),
        age_years=header.age_years(middle),
        position=header.position(middle),
        notes=notes,
        source=str(source.path),
        frame=stack.frame(),
    )


def geometry_of_series(source: Source) -> Geometry:
    """Where a series lies, by its headers alone. Raises UserError as `read_series`, but for its pixels."""
    stack = _stack(source)
    return Geometry(stack.shape, stack.affine())


def _stack(source: Source) -> _Stack:
    if missing := source.missing():
        few = f"{_names(missing)} of the series {source.name}"
        raise UserError(
            f"{few} {'is' if len(missing) == 1 else 'are'} missing ({len(missing)} of "
            f"{len(source.files)} files).",
            "Connect the drive, or find the files.",
        )
    slices = [_slice(path) for path in source.files]
    for check in (_one_series, _one_size, _one_plane):
        check(slices, source.name)
    normal = np.cross(*slices[0].orientation)
    heights = np.array([one.position @ normal for one in slices])
    order = np.argsort(heights, kind="stable")
    ordered = tuple(slices[k] for k in order)
    _evenly(ordered, heights[order], source.name)
    step = (ordered[-1].position - ordered[0].position) / (len(ordered) - 1)
    _upright(step, normal, len(ordered), source.name)
    return _Stack(ordered, step)


def _slice(path: Path) -> _Slice:
    import pydicom

    if not is_dicom(path):
        raise UserError(f"{path.name} is not a DICOM file, but is among the files of a series.", _ALONE)
    with guarded(path.name):
        dataset: Any = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS), force=True)
        if header.number(dataset, "NumberOfFrames", 1) > 1:
            raise UserError(
                f"{path.name} contains several images, but is among the slices of a series.", _ALONE
            )
        place = header.numbers(dataset, "ImagePositionPatient")
        cosines = header.numbers(dataset, "ImageOrientationPatient")
        spacing = header.numbers(dataset, "PixelSpacing")
        shape = (int(header.number(dataset, "Rows", 0)), int(header.number(dataset, "Columns", 0)))
        uids = {name: header.text(dataset, name) for name in _TAGS[:5]}
    orientation = np.array(cosines).reshape(2, 3) if len(cosines) == 6 else np.zeros((2, 3))
    square = np.abs(orientation @ orientation.T - np.eye(2)).max() <= _SQUARE
    if len(place) != 3 or not square:
        raise UserError(
            f"{path.name} does not give its position in the patient, so the slices cannot be ordered.",
            _COMPLETE,
        )
    if len(spacing) != 2 or min(spacing) <= 0 or min(shape) < 1:
        raise UserError(f"{path.name} does not give its pixel size.", _COMPLETE)
    orientation /= np.linalg.norm(orientation, axis=1, keepdims=True)
    return _Slice(path, uids, shape, orientation, np.array(place), (spacing[0], spacing[1]))


def _one_series(slices: Sequence[_Slice], name: str) -> None:
    for keyword, what in (("SeriesInstanceUID", "series"), ("FrameOfReferenceUID", "frames of reference")):
        number = len({one.uids[keyword] for one in slices})
        if number > 1:
            raise UserError(f"The files of {name} belong to {number} {what}.", _ALONE)


def _one_size(slices: Sequence[_Slice], name: str) -> None:
    shapes = Counter(one.shape for one in slices)
    if len(shapes) > 1:
        sizes = " and ".join(f"{rows} × {columns}" for (rows, columns), _ in shapes.most_common(_NAMED))
        raise UserError(f"The series {name} has slices of several sizes ({sizes} pixels).", _ALONE)
    if np.ptp([one.spacing for one in slices], axis=0).max() > 1e-3 * min(slices[0].spacing):
        raise UserError(f"The series {name} has slices with pixels of several sizes.", _ALONE)


def _one_plane(slices: Sequence[_Slice], name: str) -> None:
    apart = np.ptp(np.stack([one.orientation for one in slices]), axis=0).max()
    if apart > _PARALLEL:
        raise UserError(
            f"The slices of the series {name} are not parallel: one of them may be a scout image.", _ALONE
        )


def _evenly(slices: Sequence[_Slice], heights: np.ndarray, name: str) -> None:
    """Raises UserError if slices lie at one place, some are missing, or the spacing changes."""
    steps = np.diff(heights)
    usual = float(np.median(steps))
    same = steps <= _SAME_PLACE * usual
    if same.any():
        at = int(np.argmax(same))
        pairs = f"{slices[at].path.name} and {slices[at + 1].path.name}"
        several = f", and there are {int(same.sum()) - 1} more such pairs" if same.sum() > 1 else ""
        raise UserError(
            f"Two slices of the series {name} have the same position: {pairs}{several}.",
            "Remove copies from the folder. If there are several volumes (phases), export each by itself.",
        )
    off = np.abs(heights - np.linspace(heights[0], heights[-1], len(heights))).max()
    if off <= max(EVEN_MM, EVEN * usual):
        return
    counts = steps / usual
    whole = np.rint(counts)
    if (np.abs(counts - whole) <= _WHOLE * whole).all() and (whole >= 1).all():
        lacking = int((whole - 1).sum())
        at = int(np.argmax(whole))
        raise UserError(
            f"{lacking} slice{'s' if lacking > 1 else ''} of the series {name} "
            f"{'are' if lacking > 1 else 'is'} missing: between {slices[at].path.name} and "
            f"{slices[at + 1].path.name} there are {steps[at]:.4g} mm, elsewhere {usual:.4g} mm.",
            _COMPLETE,
        )
    raise UserError(
        f"The slices of the series {name} are not evenly spaced: {steps.min():.4g} to {steps.max():.4g} mm.",
        "Convert it to evenly spaced slices, or export a reconstruction that has them.",
    )


def _upright(step: np.ndarray, normal: np.ndarray, count: int, name: str) -> None:
    """Raises UserError if each slice is shifted against the one before: the gantry was tilted."""
    along = float(step @ normal)
    aside = float(np.linalg.norm(step - along * normal))
    degrees = float(np.degrees(np.arctan2(aside, along)))
    if aside * (count - 1) > _TILT_MM and degrees > _TILT_DEGREES:
        raise UserError(
            f"The slices of the series {name} are shifted relative to each other: the gantry was tilted by "
            f"{degrees:.1f}°.",
            _ELSEWHERE,
        )


def _volume(stack: _Stack) -> tuple[np.ndarray, tuple[float, float] | None, tuple[str, ...]]:
    """Values (Z, Y, X), what is padding, and notes. int16 where all values fit."""
    pixels = np.zeros(stack.shape, np.int16)
    padded: np.ndarray | None = None
    notes: dict[str, None] = {}
    inverted = False
    for z, one in enumerate(stack.slices):
        found, inverted = _values(one)
        if found.values.shape != one.shape:
            raise UserError(f"{one.path.name} is smaller or larger than its header says.", _COMPLETE)
        if not _fits(found.values, pixels.dtype):
            pixels = pixels.astype(np.result_type(pixels.dtype, found.values.dtype))
        pixels[z] = found.values
        if found.padded is not None:
            padded = np.zeros(stack.shape, bool) if padded is None else padded
            padded[z] = found.padded
        notes.update(dict.fromkeys(found.notes))
    values, padding = set_apart(pixels, padded, inverted)
    return values, padding, tuple(notes)


def _values(one: _Slice) -> tuple[Values, bool]:
    with guarded(one.path.name):
        dataset = load(one.path)
        return read_values(dataset, one.path.name), bool(header.inverted(dataset))


def _fits(values: np.ndarray, dtype: np.dtype[Any]) -> bool:
    """Whether an array of `dtype` takes `values` unchanged."""
    if dtype.kind == "i" and values.dtype.kind in "ui":
        limits = np.iinfo(dtype)
        return bool(limits.min <= values.min() and values.max() <= limits.max)
    return bool(np.result_type(dtype, values.dtype) == dtype)


def _dataset(path: Path) -> Any:
    import pydicom

    with guarded(path.name):
        return pydicom.dcmread(path, stop_before_pixels=True, force=True)


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths[:_NAMED]) + (", …" if len(paths) > _NAMED else "")
