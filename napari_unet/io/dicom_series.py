"""A DICOM series of CT, MR or PET as one volume: the values of its slices where their headers put them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.padding import PaddedSlices, either, set_apart_slices
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.core.straighten import between, placed
from napari_unet.io import dicom_header as header
from napari_unet.io.dicom import guarded, read_header
from napari_unet.io.dicom_frames import frame_header
from napari_unet.io.dicom_pixels import Values, read_values
from napari_unet.io.dicom_slices import COMPLETE, Slice, pixels_of
from napari_unet.io.dicom_stack import Stack, stack_of

_KEPT = 4  # slices: two on either side of those that are read outwards from one in the middle


def read_series(source: Source) -> Raster:
    """The slices of a series, or the frames of a multi-frame file, as a raster (Z, Y, X).

    Slices are ordered by ImagePositionPatient along the normal of ImageOrientationPatient, whatever their
    names and numbers. Values are those after each slice's own rescale (HU of a CT). The spacing between
    slices comes from their positions. Pixels stay as they are stored, but where the gantry was tilted (slices
    are shifted within their planes) or slices are unevenly spaced (see core.even_slices); what no slice
    covers is padding, and the notes say what was done. Everything that is true of the series, its window too,
    is taken from the slice in the middle.
    Raises UserError, with what is wrong, if a file is missing or damaged, and for what cannot be made an
    upright, even stack of slices of one size and orientation.
    """
    reading = SeriesReading(source)
    for z in range(reading.total):
        reading.read(z)
    return reading.raster()


class SeriesReading:
    """A series of which the headers are read; its values follow slice by slice, in any order.

    pixels : (Z, Y, X), int16 while all values fit; zero where nothing was read yet. is_read : bool (Z,).
    """

    def __init__(self, source: Source) -> None:
        """Raises UserError as `read_series`, but for pixels."""
        self._stack = stack_of(source)
        self._middle = _dataset(self._stack.slices[len(self._stack.slices) // 2])
        self._source = str(source.path)
        self._slices = _Slices(self._stack)
        self._padded = PaddedSlices(self._stack.shape[1:])
        self.pixels = np.zeros(self._stack.shape, np.int16)
        self.is_read = np.zeros(self.total, bool)

    @property
    def total(self) -> int:
        """How many slices the volume has."""
        return self._stack.shape[0]

    def read(self, z: int) -> np.ndarray:
        """Read one slice and return its values (Y, X). Raises UserError if its file is damaged."""
        found = self._slices.at(z)
        if found is None:
            self._padded.put(z, np.ones(self._stack.shape[1:], bool))
        else:
            if not _fits(found.values, self.pixels.dtype):
                self.pixels = self.pixels.astype(np.result_type(self.pixels.dtype, found.values.dtype))
            self.pixels[z] = found.values
            self._padded.put(z, found.padded)
        self.is_read[z] = True
        return np.asarray(self.pixels[z])

    def raster(self) -> Raster:
        """The series, once all slices were read."""
        inverted = bool(header.inverted(self._middle))
        self.pixels, padding = set_apart_slices(self.pixels, self._padded, inverted)
        return self._raster(self.pixels, padding, tuple(self._slices.notes))

    def preview(self, z: int) -> Raster:
        """What is known by the headers, with the values of slice `z` in all slices."""
        return self._raster(np.broadcast_to(self.read(z).copy(), self._stack.shape))

    def _raster(
        self, pixels: np.ndarray, padding: tuple[float, float] | None = None, notes: tuple[str, ...] = ()
    ) -> Raster:
        stack, middle = self._stack, self._middle
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
            acquisition=header.acquisition(middle),
            notes=(*stack.notes, *notes),
            source=self._source,
            frame=stack.frame(),
        )


def geometry_of_series(source: Source) -> Geometry:
    """Where a series lies, by its headers alone. Raises UserError as `read_series`, but for its pixels."""
    stack = stack_of(source)
    return Geometry(stack.shape, stack.affine())


class _Slices:
    """The values of a stack's slices on its grid; the last few are kept, as neighbours are mixed."""

    def __init__(self, stack: Stack) -> None:
        self.notes: dict[str, None] = {}
        self._stack = stack
        self._read: dict[int, Values] = {}
        self._opened: dict[Path, Any] = {}

    def at(self, z: int) -> Values | None:
        """One slice of the array; None where there is none."""
        level = self._stack.even.levels[z]
        if level is None:
            return None
        below = self._of(level.below)
        if not level.share:
            return below
        above = self._of(level.above)
        return Values(between(below.values, above.values, level.share), either(below.padded, above.padded))

    def _of(self, k: int) -> Values:
        found = self._read.pop(k, None) or self._placed(k)
        self._read[k] = found  # the last one that was needed is the last one to go
        if len(self._read) > _KEPT:
            del self._read[next(iter(self._read))]
        return found

    def _placed(self, k: int) -> Values:
        one, grid = self._stack.slices[k], self._stack.grid
        with guarded(one.path.name):
            found = read_values(pixels_of(one, self._opened), one.path.name)
        if found.values.shape != one.shape:
            raise UserError(f"{one.path.name} is smaller or larger than its header says.", COMPLETE)
        self.notes.update(dict.fromkeys(found.notes))
        if grid is None:
            return found
        return Values(*placed(found.values, found.padded, grid.shifts[k], grid.shape))


def _fits(values: np.ndarray, dtype: np.dtype[Any]) -> bool:
    """Whether an array of `dtype` takes `values` unchanged."""
    if dtype.kind == "i" and values.dtype.kind in "ui":
        limits = np.iinfo(dtype)
        return bool(limits.min <= values.min() and values.max() <= limits.max)
    return bool(np.result_type(dtype, values.dtype) == dtype)


def _dataset(one: Slice) -> Any:
    with guarded(one.path.name):
        dataset = read_header(one.path)
        return dataset if one.frame is None else frame_header(dataset, one.frame)
