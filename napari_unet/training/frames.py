"""Where the lungs are in the pictures of a recipe: found once, and kept beside the state of its training."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

from napari_unet.core.events import CaseDone
from napari_unet.core.lung_frame import LungFrame
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.lung_frame import LungsNotFound, framed_steps
from napari_unet.io.atomic import atomic_write
from napari_unet.models.library import default_library
from napari_unet.training.pairs import read_image

FRAMES_FILE = "frames.json"
_SAVED_EVERY = 50  # images
_NOT_FOUND = "The lungs were not found: the whole image is used."

Frames = dict[str, list[int] | None]
"""By the path of the image: where the rows begin and end, the columns too, and 1 if bones are dark in it;
None where no lungs were found."""


def find_frames(
    pairs: Sequence[TrainingPair], frame: LungFrame, state: Path
) -> Generator[CaseDone, None, Frames]:
    """The frames of all pairs, of which those in `state` are not looked for again.

    They are looked for again if the model that finds lungs, or the margin, is another one.
    """
    path = state / FRAMES_FILE
    made_by = {"model": default_library().find_shipped(frame.model).card.sha256, "margin": frame.margin}
    frames = _kept(path, made_by)
    state.mkdir(parents=True, exist_ok=True)
    missing = [pair for pair in pairs if str(pair.source.first) not in frames]
    for done, pair in enumerate(missing, start=1):
        frames[str(pair.source.first)] = _found(read_image(pair), frame)
        if done % _SAVED_EVERY == 0 or done == len(missing):
            with atomic_write(path) as partial:
                partial.write_text(json.dumps({**made_by, "frames": frames}), encoding="utf-8")
        yield CaseDone(pair.id, done, len(missing))
    return frames


def cut_to(raster: Raster, pair: TrainingPair, frames: Frames | None) -> Raster:
    """An image as its model looks at it: cut to the lungs, where they were found. frames : None: whole."""
    if frames is None:
        return raster
    found = frames[str(pair.source.first)]
    if found is None:
        return replace(raster, notes=(*raster.notes, _NOT_FOUND))
    top, bottom, left, right, dark = found
    pixels = raster.pixels[top:bottom, left:right]
    return replace(raster, pixels=pixels, affine=None, frame=None, inverted=bool(dark))


def _found(raster: Raster, frame: LungFrame) -> list[int] | None:
    try:
        found = run(framed_steps(raster, frame))
    except LungsNotFound:
        return None
    return [*(end for part in found.box for end in (part.start, part.stop)), int(found.lungs.inverted)]


def framed(raster: Raster, frame: LungFrame | None) -> Raster:
    """As `cut_to`, of an image that is looked at once. frame : None: the whole image."""
    if frame is None:
        return raster
    try:
        return run(framed_steps(raster, frame)).raster
    except LungsNotFound:
        return replace(raster, notes=(*raster.notes, _NOT_FOUND))


def _kept(path: Path, made_by: dict[str, object]) -> Frames:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        frames: Frames = kept.pop("frames")
        return frames if kept == made_by else {}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}
