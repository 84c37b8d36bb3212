"""Raster: one image with everything that is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

import numpy as np

from napari_unet.core.acquisition import Acquisition
from napari_unet.core.errors import UserError
from napari_unet.core.frames import Frame
from napari_unet.core.orientation import in_plane


class Modality(StrEnum):
    """What kind of machine made an image (DICOM terms where DICOM has one)."""

    CR = "CR"
    DX = "DX"
    CT = "CT"
    MR = "MR"
    EM = "EM"
    MAP = "MAP"  # no term of DICOM: computed from a CT, and in another unit than Hounsfield's
    UNKNOWN = ""


RADIOGRAPHS = (Modality.CR, Modality.DX)
"""What makes images each of its own: a stack of them is no volume."""

AIR_HU = -500
"""CT in Hounsfield units has values this far under zero in every slice; a projection seldom has."""


@dataclass(frozen=True)
class Raster:
    """Pixels of one image, with spacing, position in the patient, modality and source.

    Always a copy, never a live view of a layer.

    Parameters
    ----------
    pixels : ndarray of shape (Y, X) or (Z, Y, X)
        Numeric, finite or not. Never with a colour axis.
    spacing_mm : tuple of float, optional
        Pixel size in mm, one value per axis in array order. None if it is not known.
    spacing_source : str
        Which header field the spacing comes from ("PixelSpacing", ...).
    affine : ndarray of shape (ndim + 1, ndim + 1), optional
        From array index to patient coordinates in mm, both in array order. The world axes point to the
        patient's superior, posterior and left.
    modality : Modality
        What kind of machine made the image.
    view : str
        DICOM ViewPosition ("PA", "AP", "LL", ...). "" if unknown.
    inverted : bool, optional
        True if the header says that low values are bright (MONOCHROME1), False if it says the opposite,
        None if it says neither.
    window : tuple of float, optional
        Contrast limits (low, high) in pixel units, for display only.
    padding : tuple of float, optional
        Lowest and highest of the values that are not part of the image (DICOM PixelPaddingValue). `io` makes
        them darker than the image.
    row_direction : str, optional
        "L" or "R": side of the patient to which X increases, from the header (the first value of DICOM
        PatientOrientation, where it leads left or right). None if the header does not say.
    column_direction : str, optional
        "P" or "A": side of the patient to which Y increases, of a single axial slice; the affine of a volume
        says it. None if nothing does.
    body_part : str
        DICOM BodyPartExamined ("CHEST", "HAND", ...). "" if unknown.
    age_years, position
        Of the patient when the image was made. None and "" if unknown; a position is "supine", "prone" or
        "decubitus". Only `core.header_facts` uses them, and they are never stored.
    acquisition : Acquisition, optional
        How a CT was made: kernel, contrast medium, thickness of its slices. None if nothing says so.
    source : str
        Path of the file, folder of a series, or name of a layer.
    frame : Frame, optional
        What writers need to refer to the file, or to write a mask in the file's own order (`core.frames`).
    notes : tuple of str
        What the reader did or assumed and the user should know, one sentence each.

    Raises
    ------
    UserError
        If the pixels are not 2D or 3D numbers, or the spacing is not positive.
    """

    pixels: np.ndarray
    spacing_mm: tuple[float, ...] | None = None
    spacing_source: str = ""
    affine: np.ndarray | None = None
    modality: Modality = Modality.UNKNOWN
    view: str = ""
    inverted: bool | None = None
    window: tuple[float, float] | None = None
    padding: tuple[float, float] | None = None
    row_direction: str | None = None
    column_direction: str | None = None
    body_part: str = ""
    age_years: float | None = field(default=None, repr=False)
    position: str = ""
    acquisition: Acquisition | None = None
    source: str = ""
    frame: Frame | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.ndim not in (2, 3) or self.pixels.dtype.kind not in "uifb":
            raise UserError(
                f"This is not a grey image or a stack of them ({self.pixels.shape}, {self.pixels.dtype}).",
                "Open a single-channel image.",
            )
        if self.spacing_mm is not None:
            bad = len(self.spacing_mm) != self.pixels.ndim or not all(0 < s < np.inf for s in self.spacing_mm)
            if bad:
                raise UserError(
                    f"The pixel spacing {self.spacing_mm} does not fit an image of {self.pixels.ndim} axes.",
                    "Give one positive number in mm per axis, or none.",
                )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the pixels, (Y, X) or (Z, Y, X)."""
        return self.pixels.shape

    def header(self) -> dict[str, Any]:
        """Return all fields except the pixels; ``Raster(pixels, **header)`` is an equal raster."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "pixels"}

    def slice(self, index: int) -> Raster:
        """Return one slice as a raster, with its in-plane spacing, and where its rows and columns lead.

        Parameters
        ----------
        index : int
            Position along Z.

        Returns
        -------
        Raster
            Shape (Y, X).

        Raises
        ------
        ValueError
            If the raster is not (Z, Y, X).
        """
        if self.pixels.ndim != 3:
            raise ValueError(f"only a (Z, Y, X) raster has slices, got shape {self.shape}")
        spacing = None if self.spacing_mm is None else self.spacing_mm[1:]
        known: dict[str, Any] = {"spacing_mm": spacing, **in_plane(self.affine)}
        return replace(self, pixels=self.pixels[index], affine=None, frame=None, **known)


def modality_of(raster: Raster) -> Modality:
    """Return the modality in the header; without one, a volume with values that only CT has is a CT."""
    return modality_in(raster.pixels, raster.modality)


def hounsfield(raster: Raster) -> np.ndarray | None:
    """The pixels of a volume of CT, which are in HU; None for anything else."""
    is_ct = raster.pixels.ndim == 3 and modality_of(raster) is Modality.CT
    return raster.pixels if is_ct else None


def modality_in(pixels: np.ndarray, modality: Modality) -> Modality:
    """`modality_of` for pixels with what their header says."""
    if modality is Modality.UNKNOWN and pixels.ndim == 3 and pixels.min(initial=0) < AIR_HU:
        return Modality.CT
    return modality
