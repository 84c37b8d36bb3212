"""Raster: one image with everything that is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.frames import Frame


class Modality(StrEnum):
    """What kind of machine made an image (DICOM terms where DICOM has one)."""

    CR = "CR"
    DX = "DX"
    CT = "CT"
    MR = "MR"
    EM = "EM"
    UNKNOWN = ""


AIR_HU = -500
"""CT in Hounsfield units has values this far under zero in every slice; a projection seldom has."""


@dataclass(frozen=True)
class Raster:
    """Pixels with spacing, place in the patient, modality and source. A copy, never a live view of a layer.

    pixels : (Y, X) or (Z, Y, X), numeric, finite or not; never with a colour axis.
    spacing_mm : one per axis in array order, or None where it is not known.
    spacing_source : which header field the spacing came from, in words ("PixelSpacing", ...).
    affine : (ndim + 1, ndim + 1), array index to patient coordinates in mm, both in array order, world axes
        pointing to the patient's superior, posterior and left; or None.
    modality : see Modality. view : DICOM ViewPosition ("PA", "AP", "LL", ...), "" if unknown.
    inverted : True if the header says that low values are bright (MONOCHROME1), False if it says the
        opposite, None if nothing says so.
    window : (low, high) contrast limits in pixel units for display only, or None.
    padding : (lowest, highest) of the values that are no image (DICOM PixelPaddingValue), or None.
        `io` makes them darker than the image.
    row_direction : "L" or "R", the side of the patient to which X increases (the first value of DICOM
        PatientOrientation, where it leads left or right), from the header; None if nothing says so.
    body_part : DICOM BodyPartExamined ("CHEST", "HAND", ...), "" if unknown.
    age_years, position : of the patient when the image was made, None and "" if unknown; a position is
        "supine", "prone" or "decubitus". For `core.header_facts` alone: neither is written anywhere.
    source : path of the file, of a series its folder, or a layer's name. frame : what writers need to refer
        to the file, or to write a mask back in its own order (core.frames). notes : what the reader did or
        assumed that the user should know (turned as an orientation tag asks, say), one sentence each.
    Raises UserError if the pixels are not 2D or 3D numbers or the spacing is not positive.
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
    body_part: str = ""
    age_years: float | None = field(default=None, repr=False)
    position: str = ""
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
        """Everything but the pixels, so that `Raster(pixels, **header)` gives an equal raster."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "pixels"}

    def slice(self, index: int) -> Raster:
        """Slice `index` along Z of a (Z, Y, X) raster as a (Y, X) raster, with its in-plane spacing."""
        if self.pixels.ndim != 3:
            raise ValueError(f"only a (Z, Y, X) raster has slices, got shape {self.shape}")
        spacing = None if self.spacing_mm is None else self.spacing_mm[1:]
        return replace(self, pixels=self.pixels[index], spacing_mm=spacing, affine=None, frame=None)


def modality_of(raster: Raster) -> Modality:
    """As the header says; a volume that says nothing and has values only CT has is a CT."""
    return modality_in(raster.pixels, raster.modality)


def modality_in(pixels: np.ndarray, modality: Modality) -> Modality:
    """`modality_of` for pixels with what their header says."""
    if modality is Modality.UNKNOWN and pixels.ndim == 3 and pixels.min(initial=0) < AIR_HU:
        return Modality.CT
    return modality
