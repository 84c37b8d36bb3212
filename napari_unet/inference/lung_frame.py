"""A chest X-ray cut to its lungs, as models for findings look at it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from napari_unet.core.errors import UserError
from napari_unet.core.events import Note, TileDone
from napari_unet.core.input_check import NotForModel
from napari_unet.core.lung_frame import LungFrame
from napari_unet.core.prediction import Box, Prediction
from napari_unet.core.raster import Raster
from napari_unet.inference.predictor import Steps
from napari_unet.inference.segment import PredictorCache, segment_steps
from napari_unet.models.library import ModelLibrary, default_library

_LEAST = 0.0  # plausibility of the lungs; that of 300 X-rays from elsewhere (Shenzhen) is 0.23 and more
_own_cache = PredictorCache(1)  # so that the model that scores keeps its place in the other


class LungsNotFound(UserError):
    """Without lungs there is no score."""


@dataclass(frozen=True)
class Framed:
    """raster : what is left of an image. box : where it was. lungs : what was found in the whole image."""

    raster: Raster
    box: Box
    lungs: Prediction


def framed_steps(
    raster: Raster, frame: LungFrame, device: str = "auto", library: ModelLibrary | None = None
) -> Generator[TileDone | Note, str | None, Framed]:
    """Yields the events of the model that finds the lungs, and returns the image cut to them.

    raster : (Y, X). Its polarity is then known, as that model took it. Raises LungsNotFound where no lungs
    are in sight, UserError as `segment_steps` does.
    """
    shipped = (library or default_library()).find_shipped(frame.model)
    steps: Steps = segment_steps(raster, model=str(shipped.folder), device=device, cache=_own_cache)
    try:
        lungs = yield from steps
    except NotForModel as error:
        raise LungsNotFound(f"The lungs were not found. {error.problem}", error.remedy) from error
    box = frame.box(lungs.mask())
    if box is None or min(lungs.plausibility, default=1.0) < _LEAST:
        raise LungsNotFound("The lungs were not found.", "Open a frontal chest X-ray.")
    cut = replace(raster, pixels=raster.pixels[box], affine=None, frame=None, inverted=lungs.inverted)
    return Framed(cut, box, lungs)


def within(outer: Box, inner: Box) -> Box:
    """Where a box of what is inside of another one lies in the image."""
    rows, columns = (
        slice(around.start + part.start, around.start + part.stop)
        for around, part in zip(outer, inner, strict=True)
    )
    return rows, columns
