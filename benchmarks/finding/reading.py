"""Scores of each image, whole and with parts blanked; kept in build/, so that no image is read twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks.finding.sets import Picture
from napari_unet.core.errors import UserError
from napari_unet.core.lung_frame import LungFrame
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.lung_frame import Framed, LungsNotFound, framed_steps
from napari_unet.inference.segment import segment_steps
from napari_unet.io.atomic import atomic_write
from napari_unet.io.formats import read_raster
from napari_unet.models.library import ModelEntry, default_library

WHOLE, MEAN_SHAPE, GROWN, LUNGS_ONLY, CORNERS = "whole", "mean shape", "grown mask", "lungs only", "corners"
BLANKED = (MEAN_SHAPE, GROWN, LUNGS_ONLY, CORNERS)
_GROWN_BY = 0.02  # of the width of the image
_MEAN_LEAST = 0.2  # of the training masks, that have lung at a place of the mean shape
_CORNER = 0.2  # of each side of the image
_SAVED_EVERY = 20

Scores = dict[str, dict[str, float]]
"""By what was blanked, the score of each finding."""


@dataclass(frozen=True)
class Reader:
    """Reads with one model. kept : the file with what it has read."""

    entry: ModelEntry
    kept: Path

    def read(self, pictures: Sequence[Picture], blanked: bool = True) -> list[Scores | None]:
        """Of each picture; None where it gets no score. What this model has read before is not read again.

        blanked : False where only the whole image is asked for.
        """
        known = self._known()
        found: list[Scores | None] = []
        missing = 0
        for picture in pictures:
            key = f"{picture.place}/{picture.image.name}"
            if key not in known:
                known[key] = self._scores(picture, blanked)
                missing += 1
                if missing % _SAVED_EVERY == 0:
                    self._keep(known)
            found.append(known[key])
        if missing:
            self._keep(known)
        return found

    def has_read(self, pictures: Sequence[Picture]) -> bool:
        """Whether this model has read all of them."""
        known = self._known()
        return all(f"{picture.place}/{picture.image.name}" in known for picture in pictures)

    def _scores(self, picture: Picture, blanked: bool) -> Scores | None:
        raster = read_raster(picture.image)
        frame = self.entry.card.frame or LungFrame("cxr-lung-whole")
        try:
            framed = run(framed_steps(raster, frame, "cpu"))
        except LungsNotFound:
            return None
        inside = self.entry.card.frame is not None
        variants = {WHOLE: raster, **(_blanked(raster, framed, frame) if blanked else {})}
        scores: Scores = {}
        for name, one in variants.items():
            seen = replace(one, inverted=framed.lungs.inverted, affine=None, frame=None)
            if inside:
                seen = replace(seen, pixels=seen.pixels[framed.box])
            scores[name] = self.score(seen)
        return scores

    def score(self, seen: Raster) -> dict[str, float]:
        """The findings of an image as the model sees it."""
        steps = segment_steps(
            seen, model=str(self.entry.folder), device="cpu", input_check=False, masks_only=False
        )
        try:
            return {name: round(score, 4) for name, score in run(steps).scores.items()}
        except UserError:  # nothing is left where all is blanked
            return dict.fromkeys(self.entry.card.output.findings, 0.0)

    def _known(self) -> dict[str, Scores | None]:
        try:
            kept = json.loads(self.kept.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return kept["images"] if kept["model"] == self.entry.card.sha256 else {}

    def _keep(self, known: dict[str, Scores | None]) -> None:
        self.kept.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.kept) as partial:
            words = {"model": self.entry.card.sha256, "images": known}
            partial.write_text(json.dumps(words), encoding="utf-8")


def _blanked(raster: Raster, framed: Framed, frame: LungFrame) -> dict[str, Raster]:
    """The image with a flat grey, its mean, in place of some part of it."""
    mask = framed.lungs.mask()
    grown = ndimage.distance_transform_edt(~mask) <= _GROWN_BY * mask.shape[1]
    corner = np.zeros_like(mask)
    rows, columns = (round(_CORNER * n) for n in mask.shape)
    for vertical in (slice(0, rows), slice(-rows, None)):
        for horizontal in (slice(0, columns), slice(-columns, None)):
            corner[vertical, horizontal] = True
    parts = {MEAN_SHAPE: _mean_shape(mask, frame), GROWN: grown, LUNGS_ONLY: ~mask, CORNERS: corner & ~mask}
    return {name: replace(raster, pixels=_flat(raster.pixels, part)) for name, part in parts.items()}


def _flat(pixels: np.ndarray, part: np.ndarray) -> np.ndarray:
    return np.where(part, np.float32(pixels.mean()), pixels.astype(np.float32))


def _mean_shape(mask: np.ndarray, frame: LungFrame) -> np.ndarray:
    """bool like `mask`: the mean lungs of the model that finds them, laid over the box of the mask."""
    prior = default_library().find_shipped(frame.model).card.output.likeness
    assert prior is not None
    box = replace(frame, margin=0.0).box(mask)
    assert box is not None  # or the image had no score
    shape = np.asarray(prior.shape)
    size = [part.stop - part.start for part in box]
    zoomed = ndimage.zoom(shape, [n / m for n, m in zip(size, shape.shape, strict=True)], order=1)
    found = np.zeros_like(mask)
    found[box] = zoomed[: size[0], : size[1]] >= _MEAN_LEAST
    return found
