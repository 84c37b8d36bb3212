"""Does a CT show lung at all? By its values alone, before any model has seen it.

Heads, limbs and most of the abdomen hold no large area of pixels as light as lung; bowel gas is lighter than
lung, and its rim, where it is not, is thin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_unet.core.blocks import in_blocks
from napari_unet.core.body_part import names_other_part
from napari_unet.core.input_check import NotForModel, check_kind
from napari_unet.core.masks import between, part_sizes
from napari_unet.core.raster import AIR_HU, Modality, Raster
from napari_unet.core.spread import spread

_GRID_MM = 2.5  # slices are looked at on about this grid: noise and fine structures do not count
_BODY_HU = -400.0
_LUNG_HU = (-960.0, -500.0)  # of mean values; air is lighter, ground glass and tissue are denser
_OPENED_MM = 5.0
_MOST = 60  # slices that are looked at, spread over the volume
_THIN_MM = 25.0  # a stack that is thinner may show a part of the lung only
_NONE_CM2, _NONE_IN_FEW_CM2, _LITTLE_CM2 = 20.0, 3.0, 50.0
_NONE, _NONE_IN_FEW, _LITTLE = 0.13, 0.05, 0.2
"""The largest area in a slice that looks like lung, and its share of the body there; both must be small, for
small bodies have small lungs. Measured: whole chests 174 to 321 cm², heads, necks and abdomens up to 17."""


@dataclass(frozen=True)
class LungLike:
    """What looks like lung in a CT.

    area_cm2, share : the largest area in a slice, and its share of the body there. height_mm : of the stack.
    """

    area_cm2: float
    share: float
    height_mm: float

    @property
    def none(self) -> bool:
        """Whether this is no image of the chest, as far as that can be seen."""
        if self.height_mm < _THIN_MM:
            return self.area_cm2 < _NONE_IN_FEW_CM2 and self.share < _NONE_IN_FEW
        return self.area_cm2 < _NONE_CM2 and self.share < _NONE

    @property
    def little(self) -> bool:
        """Whether it may not be one, or hardly any lung is aerated."""
        return self.area_cm2 < _LITTLE_CM2 and self.share < _LITTLE


def lung_like(pixels: np.ndarray, spacing_mm: tuple[float, ...]) -> LungLike:
    """How much of a CT looks like aerated lung.

    pixels : HU, (Y, X) or (Z, Y, X). spacing_mm : one per axis. In each slice the body is the largest part
    over -400 HU with what lies between two points of it in a row or a column.
    """
    stack = pixels if pixels.ndim == 3 else pixels[None]
    area, share = max(
        (_area_cm2(stack[z], spacing_mm[-2:]) for z in spread(len(stack), _MOST)), default=(0.0, 0.0)
    )
    return LungLike(area, share, len(stack) * spacing_mm[0] if pixels.ndim == 3 else 0.0)


def check_kind_or_content(
    raster: Raster,
    of_lungs: bool,
    modalities: Sequence[str],
    views: Sequence[str],
    body_parts: Sequence[str],
) -> None:
    """`check_kind`, which believes a header that names another body part only where content cannot decide.

    of_lungs : whether the model marks lungs and nothing else. Raises NotForModel.
    """
    by_content = of_lungs and decided_by_content(raster, modalities)
    check_kind(raster, modalities, views, body_parts, by_content=by_content)


def decided_by_content(raster: Raster, modalities: Sequence[str]) -> bool:
    """Whether `ct_content_notes` can tell if an image is for a model of lungs: not without the spacing.

    modalities : what the model takes; one that takes more than CT is not decided on.
    """
    return tuple(modalities) == (Modality.CT,) and raster.spacing_mm is not None


def ct_content_notes(
    raster: Raster, modalities: Sequence[str], use: str, body_parts: Sequence[str] = ()
) -> tuple[str, ...]:
    """What to say about an image that shows hardly any lung, for a model of lungs in CT; () if it shows some.

    modalities, body_parts : what the model takes; nothing is said for one that takes more than CT, nor of a
    CT without spacing. Raises NotForModel if the image shows no lung, or hardly any where the header names
    another part of the body, or has no values that CT has.
    """
    if tuple(modalities) != (Modality.CT,):
        return ()
    remedy = f"The model is for {use}: open one." if use else "Open a CT of the chest."
    if float(raster.pixels.min(initial=0)) > AIR_HU:
        what = "this CT" if raster.modality else "the image"
        raise NotForModel(
            f"No pixel of {what} is as low as the air in lungs: values are expected in HU, and the lowest "
            f"is {raster.pixels.min():g}.",
            remedy,
        )
    if raster.spacing_mm is None:
        return ()
    found = lung_like(raster.pixels, raster.spacing_mm)
    if found.none:
        raise NotForModel(
            "This CT shows no aerated lung: it may be one of a head, a limb or the abdomen.", remedy
        )
    if found.little and names_other_part(raster.body_part, body_parts):
        raise NotForModel(
            f"The header says {raster.body_part}, and this CT shows hardly any aerated lung.", remedy
        )
    return ("Hardly any aerated lung is in this CT: check the mask with care.",) if found.little else ()


def other_part_notes(raster: Raster, body_parts: Sequence[str]) -> tuple[str, ...]:
    """What to say about a CT that was taken for what it shows, though its header names another body part."""
    if not names_other_part(raster.body_part, body_parts):
        return ()
    return (
        f"The header says {raster.body_part}, but the image shows lung: it was segmented. Check that this is "
        "the right image.",
    )


def _area_cm2(pixels: np.ndarray, spacing_mm: tuple[float, ...]) -> tuple[float, float]:
    """Of one slice (Y, X) what lies in the body and looks like lung, and its share of the body."""
    factors = [max(1, round(_GRID_MM / step)) for step in spacing_mm]
    mean = in_blocks(pixels, factors).mean(axis=(-3, -1), dtype=np.float32)
    if not mean.size:
        return 0.0, 0.0
    steps = np.multiply(factors, spacing_mm)
    parts, sizes = part_sizes(mean > _BODY_HU)
    if not sizes.any():
        return 0.0, 0.0
    body = parts == sizes.argmax()
    inside = between(body, 0) | between(body, 1)  # a field of view may cut lungs open elsewhere
    like = inside & (mean > _LUNG_HU[0]) & (mean < _LUNG_HU[1])
    like = ndimage.binary_opening(like, iterations=max(1, round(_OPENED_MM / float(steps.mean()))))
    return float(like.sum() * steps.prod() / 100), float(like.sum() / inside.sum())
