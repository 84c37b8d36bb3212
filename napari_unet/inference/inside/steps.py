"""Questions about the inside of a network, as the engine's work."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.core.events import Note, TileDone
from napari_unet.core.inside import (
    Anatomy,
    Answer,
    AskField,
    AskLook,
    AskMaps,
    AskMask,
    NetworkDone,
    Question,
    WindowsDone,
)
from napari_unet.core.prediction import Box
from napari_unet.core.raster import Raster
from napari_unet.core.standing import Turn
from napari_unet.inference.inside.altered import altered_mask
from napari_unet.inference.inside.anatomy import anatomy
from napari_unet.inference.inside.feature_maps import feature_maps
from napari_unet.inference.inside.lineage import network_done
from napari_unet.inference.inside.operations import look
from napari_unet.inference.inside.seen_from import receptive_field
from napari_unet.inference.inside.subject import LARGEST, Subject, shared_subjects
from napari_unet.inference.inside.windows import windows
from napari_unet.inference.segment import PredictorCache, shared_cache
from napari_unet.models.library import ModelLibrary, choose, default_library

_PART = f"Only the middle of the image is looked at, {LARGEST} pixels of the network's grid."


def inside_steps(
    raster: Raster,
    question: Question,
    *,
    model: str,
    index: int = 0,
    output: str | None = None,
    box: Box | None = None,
    device: str = "auto",
    library: ModelLibrary | None = None,
    cache: PredictorCache | None = None,
) -> Generator[Note | TileDone, Any, Answer]:
    """Answers one question about a model and an image, or slice `index` of a stack (core.inside.slab).

    model : a name in the library or a folder; models for teaching too. Pixels in questions and answers are
    those of the image as it is. box : as in `subject_of`. Raises UserError for models, images and questions
    that do not fit together.
    """
    subject = _subject(raster, model, index, output, box, device, library, cache)
    yield TileDone(1, 3)
    if subject.part:
        yield Note(_PART)
    if isinstance(question, AskMask | AskLook):
        _ = subject.logits  # what it says unaltered, which is kept; between the passes a cancel is heard
    yield TileDone(2, 3)
    answer = _answer(subject, question)
    yield TileDone(3, 3)
    return answer.turned(subject.turn, subject.shape)


def windows_steps(
    raster: Raster,
    *,
    model: str,
    seconds: float | None = None,
    first_row: int = 0,
    beside: str | None = None,
    device: str = "auto",
    library: ModelLibrary | None = None,
    cache: PredictorCache | None = None,
) -> Generator[WindowsDone | NetworkDone, Any, WindowsDone]:
    """`windows` of an image; see `inside_steps`. beside : a model that is run first, a NetworkDone."""
    if beside is not None:
        entry = choose(beside, (library or default_library()).list())
        yield network_done(beside, entry, raster, device, cache)
    subject = _subject(raster, model, 0, None, None, device, library, cache)
    return (yield from windows(subject, seconds, first_row))


def anatomy_of(model: str, library: ModelLibrary | None = None) -> Anatomy:
    """The anatomy of a model's network. Raises UserError if there is none of that name."""
    return anatomy((library or default_library()).find(model).card)


def _subject(
    raster: Raster,
    model: str,
    index: int,
    output: str | None,
    box: Box | None,
    device: str,
    library: ModelLibrary | None,
    cache: PredictorCache | None,
) -> Subject:
    entry = (library or default_library()).find(model)
    predictor = (cache or shared_cache).get(entry, device)
    return shared_subjects.get(predictor, raster, index, output, box)


def _answer(subject: Subject, question: Question) -> Answer:
    if isinstance(question, AskMaps):
        return feature_maps(subject, question.stage, question.most, question.alteration)
    if isinstance(question, AskField):
        return receptive_field(subject, _turned(question.pixel, subject))
    if isinstance(question, AskMask):
        return altered_mask(subject, question.alteration)
    if isinstance(question, AskLook):
        pixel = None if question.pixel is None else _turned(question.pixel, subject)
        return look(subject, question.operation, question.stage, pixel)
    raise UserError("This version does not support this question.", "Update napari-unet-lung.")


def _turned(pixel: tuple[int, int], subject: Subject) -> tuple[int, int]:
    """A pixel of the image as it is, in the image as the network sees it. Raises UserError beyond it."""
    height, width = subject.shape
    row, column = pixel
    if not (0 <= row < height and 0 <= column < width):
        raise UserError("The pixel lies beyond the image.", "Click on the image.")
    turn: Turn = subject.turn
    return (height - 1 - row if turn.rows else row, width - 1 - column if turn.columns else column)
