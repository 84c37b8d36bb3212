"""What a raster remembers of its file, so that a mask finds its way back: one type for each kind of file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


def three_axes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """The first three lengths of a file's shape, 1 where there is none."""
    x, y, z = (*shape, 1)[:3]
    return x, y, z


@dataclass(frozen=True)
class NiftiFrame:
    """How an array as it is shown goes back into the order of its file.

    header : the geometry part of the file's header, as NIfTI bytes; version : 1 or 2.
    shape : the file's own. order : for the shown axes (Z, Y, X), or (dropped, Y, X) of a 2D image, the axis
    of the file that each shows. flips : which of these run against the file.
    """

    header: bytes
    version: int
    shape: tuple[int, ...]
    order: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    @property
    def flat(self) -> bool:
        """True for a 2D image: one of the first three axes has the length 1."""
        return 1 in three_axes(self.shape)

    @property
    def shown_shape(self) -> tuple[int, ...]:
        """The shape of the array as it is shown."""
        turned = tuple(three_axes(self.shape)[axis] for axis in self.order)
        return turned[1:] if self.flat else turned

    def shown(self, stored: np.ndarray) -> np.ndarray:
        """An array in the file's order as it is shown, as a contiguous copy."""
        turned = np.flip(stored.reshape(three_axes(self.shape)).transpose(self.order), self._flipped())
        return np.array(turned[0] if self.flat else turned, order="C")

    def stored(self, shown: np.ndarray) -> np.ndarray:
        """The inverse of `shown`."""
        turned = np.flip(shown[np.newaxis] if self.flat else shown, self._flipped())
        return turned.transpose(np.argsort(self.order)).reshape(self.shape)

    def index_map(self) -> np.ndarray:
        """(4, 4): the index (Z, Y, X) as it is shown to the index in the file."""
        matrix = np.zeros((4, 4))
        matrix[3, 3] = 1
        for shown, (axis, flip) in enumerate(zip(self.order, self.flips, strict=True)):
            matrix[axis, shown] = -1 if flip else 1
            matrix[axis, 3] = three_axes(self.shape)[axis] - 1 if flip else 0
        return matrix

    def _flipped(self) -> tuple[int, ...]:
        return tuple(axis for axis, flip in enumerate(self.flips) if flip)


@dataclass(frozen=True)
class Turned:
    """The frame of a raster that is not as its file stores it.

    orientation : the tag, 2 to 8. stored_shape : the shape before it was turned.
    """

    orientation: int
    stored_shape: tuple[int, ...]


class Instance(NamedTuple):
    """One stored object of DICOM: what kind it is, and which."""

    sop_class: str
    sop_instance: str


@dataclass(frozen=True, repr=False)
class DicomFrame:
    """What objects that refer to a DICOM image need: which image it is, and where each slice lies.

    study, series, frame_of_reference : UIDs, "" where the file has none. instances : of each slice, in the
    order of the array; of a single image that one. orientation : ImageOrientationPatient, () if unknown.
    positions : ImagePositionPatient of each slice in mm, () if unknown. pixel_spacing : (rows, columns) apart
    in mm, () if unknown. patient_orientation : PatientOrientation of an X-ray, () if unknown.
    The array has the pixels of each slice as its file stores them, unless it is `resampled`: then its rows
    and columns may be others, and a slice that no file stores has an Instance of empty texts.
    `shared_uids`: several files have the same instance UID, which so names none of them.
    A UID may lead to a patient: it has no repr, and is for exports that are asked for alone.
    """

    study: str
    series: str
    frame_of_reference: str
    instances: tuple[Instance, ...]
    orientation: tuple[float, ...] = ()
    positions: tuple[tuple[float, ...], ...] = ()
    pixel_spacing: tuple[float, ...] = ()
    patient_orientation: tuple[str, ...] = ()
    resampled: bool = False
    shared_uids: bool = False


Frame = NiftiFrame | DicomFrame | Turned
"""What `Raster.frame` may be."""
