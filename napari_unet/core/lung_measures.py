"""What a mask of the lungs measures in a CT: millilitres, density, and how far these can be relied on.

Counted on the image's own voxels, slice by slice, so that nothing of a volume's size is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from napari_unet.core.acquisition import Acquisition
from napari_unet.core.field_edge import EDGE_MM, cut_mm
from napari_unet.core.frames import DicomFrame
from napari_unet.core.labels import LEFT, lung
from napari_unet.core.padding import is_padding, padded_pixels
from napari_unet.core.raster import Modality, Raster, modality_of
from napari_unet.core.wording import listed

EMPHYSEMA_HU = -950
"""Voxels below are low-attenuation areas (Gevenois et al. 1996, Am J Respir Crit Care Med 154:187)."""
CUT_MM2 = 100.0
"""Of lung in the first or last slice: more than the tip of an apex or of a recess, so the scan ends in it."""
_THICKEST_MM = 1.5  # in thicker slices air and tissue mix in one voxel, and the share is too small

FIGURES = ("volume_ml", "right_ml", "left_ml", "mean_hu", "laa950_percent", "slice_mm", "kernel", "contrast")
"""What has a column of its own in reports, by the columns' names."""


@dataclass(frozen=True)
class LungMeasures:
    """What the lungs in a CT measure. None means that it cannot be known; nothing is guessed.

    Parameters
    ----------
    volume_ml, right_ml, left_ml : float, optional
        Volume of both lungs together, of the patient's right one and the left one, in mL. None without
        spacing.
    mean_hu : float, optional
        Mean of all voxels of the lungs in HU. None for other machines than CT, and where there is no lung.
    laa950_percent : float, optional
        Share of them under -950 HU, in percent. None where it would mean nothing, see `laa950_reason`.
    laa950_reason : str
        Why there is no share, in words; "" if there is one.
    slice_mm : float, optional
        From one slice to the next, from their positions. None without spacing.
    kernel : str
        Reconstruction kernel as the header names it; "" if unknown.
    contrast : str
        "given", "none" or "unknown".
    incomplete : tuple of str
        Why the volume is at least what was measured, a sentence each; () if the scan holds all of the lungs.
    """

    volume_ml: float | None
    right_ml: float | None
    left_ml: float | None
    mean_hu: float | None
    laa950_percent: float | None
    laa950_reason: str
    slice_mm: float | None
    kernel: str
    contrast: str
    incomplete: tuple[str, ...] = ()

    def figures(self) -> dict[str, Any]:
        """Return `FIGURES` by name."""
        return {name: getattr(self, name) for name in FIGURES}

    def in_report(self) -> dict[str, Any]:
        """Return `figures`, and in words why a volume is incomplete and a share is missing."""
        reasons = {"incomplete": " ".join(self.incomplete), "laa950_reason": self.laa950_reason}
        return self.figures() | reasons

    @property
    def at_least(self) -> str:
        """What stands before each volume in words: "at least " where the scan does not hold all, else ""."""
        return "at least " if self.incomplete else ""

    def density_in_words(self) -> str:
        """As in "Mean -812 HU; 2.4 % under -950 HU.", or why there is no share; "" where HU mean nothing."""
        if self.mean_hu is None:
            return ""
        if self.laa950_percent is None:
            return f"Mean {self.mean_hu:.0f} HU. {self.laa950_reason}"
        return f"Mean {self.mean_hu:.0f} HU; {self.laa950_percent:.1f} % under {EMPHYSEMA_HU} HU."

    def volume_in_words(self) -> str:
        """As in "at least 2,340 mL (right 1,290, left 1,050)"; "" if it is not known."""
        if self.volume_ml is None:
            return ""
        sides = ""
        if self.right_ml is not None and self.left_ml is not None:
            sides = f" (right {self.right_ml:,.0f}, left {self.left_ml:,.0f})"
        return f"{self.at_least}{self.volume_ml:,.0f} mL{sides}"


def lung_measures(slabs: Iterable[np.ndarray], raster: Raster, stopped_at: int | None = None) -> LungMeasures:
    """Measure the lungs in a volume.

    Parameters
    ----------
    slabs : iterable of ndarray, shape (Y, X)
        Labels of each slice in turn: 1 the patient's right lung, 2 the left one, 0 and 255 none. What is
        padding in the image does not count.
    raster : Raster
        The image, (Z, Y, X).
    stopped_at : int, optional
        How many slices have a mask, if not all do (`Prediction.stopped_at`).

    Raises
    ------
    ValueError
        If there are more or fewer slices than in the image, or the image is no volume.
    """
    if raster.pixels.ndim != 3:
        raise ValueError(f"lungs are measured in a volume, not in an image of shape {raster.shape}")
    sums = _Sums(raster)
    for z, (labels, pixels) in enumerate(zip(slabs, raster.pixels, strict=True)):
        sums.add(z, labels, pixels)
    is_ct = modality_of(raster) is Modality.CT
    spacing = raster.spacing_mm
    known = raster.acquisition or Acquisition()
    millilitres = None if spacing is None else prod(spacing) / 1000
    resampled = isinstance(raster.frame, DicomFrame) and raster.frame.resampled
    why = _no_share(is_ct, sums.voxels, spacing, known, resampled)
    return LungMeasures(
        volume_ml=None if millilitres is None else sums.voxels * millilitres,
        right_ml=None if millilitres is None else (sums.voxels - sums.left) * millilitres,
        left_ml=None if millilitres is None else sums.left * millilitres,
        mean_hu=sums.total / sums.voxels if is_ct and sums.voxels else None,
        laa950_percent=None if why else 100 * sums.thin / sums.voxels,
        laa950_reason=why,
        slice_mm=None if spacing is None else spacing[0],
        kernel=known.kernel,
        contrast=known.contrast or "unknown",
        incomplete=tuple(sums.incomplete(stopped_at)),
    )


def _no_share(
    is_ct: bool, voxels: int, spacing: tuple[float, ...] | None, known: Acquisition, resampled: bool
) -> str:
    """Why no share under -950 HU is given; "" if one is."""
    if not is_ct:
        return "The image is not a CT."
    if not voxels:
        return "No lung is marked."
    reasons = []
    thickest = max((mm for mm in (spacing and spacing[0], known.thickness_mm) if mm), default=None)
    if thickest is None:
        reasons.append("the thickness of the slices is not known")
    elif thickest > _THICKEST_MM + 1e-3:
        reasons.append(f"slices of {thickest:.3g} mm (more than {_THICKEST_MM:g})")
    if known.sharpness == "sharp":
        reasons.append(f"the kernel {known.kernel} is sharp")
    elif not known.sharpness:
        named = (
            f"the kernel {known.kernel} is not in the table" if known.kernel else "the kernel is not known"
        )
        reasons.append(named)
    if resampled:  # what is mixed of two voxels has less noise, and fewer values far from the mean
        reasons.append("the slices were tilted, uneven or incomplete, and were resampled")
    if known.contrast == "given":
        reasons.append("a contrast medium was given")
    return f"Share under {EMPHYSEMA_HU} HU not given: {listed(reasons)}." if reasons else ""


class _Sums:
    """What is counted, slice after slice. voxels, left : of the lungs; total, thin : their HU, and how many
    are under -950."""

    def __init__(self, raster: Raster) -> None:
        self.voxels = self.left = self.thin = 0
        self.total = 0.0
        self._padding, self._spacing = raster.padding, raster.spacing_mm
        self._is_ct = modality_of(raster) is Modality.CT
        self._last = len(raster.pixels) - 1
        self._ends: list[str] = []
        self._edge = False
        self._empty: list[int] = []
        self._with_lung: list[int] = []

    def add(self, z: int, labels: np.ndarray, pixels: np.ndarray) -> None:
        """Count one slice."""
        if is_padding(pixels, self._padding):
            self._empty.append(z)
            return
        inside = lung(labels)
        if not inside.any():
            return
        padded = padded_pixels(pixels, self._padding)
        if padded is not None:
            inside = inside & ~padded
        values = pixels[inside]
        self.voxels += len(values)
        self.left += int(np.count_nonzero(labels[inside] == LEFT))
        self.total += float(values.sum(dtype=np.float64 if values.dtype.kind == "f" else np.int64))
        self.thin += int(np.count_nonzero(values < EMPHYSEMA_HU))
        self._with_lung.append(z)
        if self._spacing is not None:
            area = len(values) * self._spacing[1] * self._spacing[2]
            if z in (0, self._last) and area > CUT_MM2:
                self._ends.append("first" if z == 0 else "last")
            hounsfield = pixels if self._is_ct else None
            self._edge = self._edge or cut_mm(inside, hounsfield, self._spacing[1:], padded) > EDGE_MM

    def incomplete(self, stopped_at: int | None) -> Iterable[str]:
        """Why there is more lung than was counted."""
        if self._ends:
            yield f"The scan ends within the lungs, at its {listed(self._ends)} slice."
        if self._edge:
            yield "A lung reaches the edge of the field of view."
        if self._with_lung:
            first, last = self._with_lung[0], self._with_lung[-1]
            missing = sum(first < z < last for z in self._empty)
            if missing:
                yield f"{missing} slice{' is' if missing == 1 else 's are'} missing within the lungs."
        if stopped_at is not None:
            yield f"Only {stopped_at} of {self._last + 1} slices have a mask."
