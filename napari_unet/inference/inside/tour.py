"""The stops of the tour on one image: pictures and figures, no words (those are in napari_unet.tour)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.events import TileDone
from napari_unet.core.heat import heat
from napari_unet.core.inside import Look, Panel, WindowsDone, slab
from napari_unet.core.lineage import (
    ALEXNET,
    CIRESAN,
    ENCODER_DECODER,
    RESIDUAL,
    STOPS,
    TODAY,
    TODAY_CT,
    UNET_2015,
)
from napari_unet.core.palette import LUNGS
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.find import NoScore, find_steps
from napari_unet.inference.inside.operations import look
from napari_unet.inference.inside.panels import image_of, marked, on_grid, outlined, with_outlines
from napari_unet.inference.inside.subject import Subject, shared_subjects
from napari_unet.inference.inside.windows import windows
from napari_unet.inference.segment import PredictorCache
from napari_unet.io.formats import read_raster
from napari_unet.io.heat_picture import with_heat
from napari_unet.models.library import ModelLibrary, choose, default_library

Steps = Generator[TileDone | WindowsDone, Any, Look]

_BEGUN = TileDone(0, 1)
"""Between the parts of a stop, so that a cancel is heard there."""

WINDOW_S = 0.2
"""Seconds for which the sliding window runs at its stop."""

_models = PredictorCache(len({ALEXNET, CIRESAN, ENCODER_DECODER, RESIDUAL, TODAY, TODAY_CT, UNET_2015}))
"""All of the tour, a few MB each: no stop loads one again."""


def tour_stop_steps(
    raster: Raster,
    stop: str,
    *,
    ct: Path | None = None,
    seconds: float = WINDOW_S,
    device: str = "auto",
    library: ModelLibrary | None = None,
    cache: PredictorCache | None = None,
) -> Steps:
    """One of STOPS on an X-ray (Y, X): yields events, returns what is to be shown.

    ct : the file of a volume, of which the last stop shows the middle; no other stop reads it, and where
    there is none, that one goes without. seconds : see WINDOW_S. Of models that are not in the library
    `Look.missing` says so, and the nearest one that is there stands in.
    Raises UserError if there is no such stop, and for images that the models are not for.
    """
    if stop not in STOPS:
        raise UserError(f"The tour has no stop {stop}.", f"Its stops: {', '.join(STOPS)}.")
    guide = _Guide(raster, library or default_library(), device, cache or _models)
    yield _BEGUN
    if stop == "window":
        found = yield from _window(guide, seconds)
    elif stop == "use":
        found = yield from _use(guide, ct)
    else:
        found = yield from _OTHERS[stop](guide)
    yield TileDone(1, 1)
    return replace(found, name=stop, missing=tuple(guide.missing))


class _Guide:
    """Gives the image as models see it, and notes which are missing."""

    def __init__(self, raster: Raster, library: ModelLibrary, device: str, cache: PredictorCache) -> None:
        self.missing: list[str] = []
        self._raster, self._library, self._device, self._cache = raster, library, device, cache
        self._entries = library.list()

    def seen_by(self, *names: str, raster: Raster | None = None, index: int = 0) -> Subject | None:
        """As the first of these models sees it that is there; None if none is."""
        for name in names:
            entry = choose(name, self._entries)
            if entry is not None:
                predictor = self._cache.get(entry, self._device)
                return shared_subjects.get(predictor, raster or self._raster, index)
            if name not in self.missing:
                self.missing.append(name)
        return None

    def finding(self) -> tuple[Panel, ...]:
        """The likeliest finding and its heat map, as in the dock Finding; nothing without model or score."""
        entries, _ = self._library.offered()
        telling = (one.card.name for one in entries if one.card.output.task == "classification")
        named = next(telling, None)
        if named is None:
            return ()
        try:
            found = run(find_steps(self._raster, model=named, device=self._device, library=self._library))
        except NoScore:
            return ()
        subject = self.seen_by(TODAY)
        if subject is None:
            return ()
        finding, score = max(found.scores.items(), key=lambda one: one[1])
        facts = {"model": named, "finding": finding, "score": 100 * score}
        warm = on_grid(subject, heat(found, finding))
        return (Panel("finding", with_heat(image_of(subject), warm), facts=facts),)


def _masked(name: str, subject: Subject | None) -> tuple[Panel, ...]:
    """A panel with the mask of a model and the time that it took."""
    if subject is None:
        return ()
    labels = subject.prediction(subject.logits).labels()
    facts = {
        "model": subject.predictor.card.name,
        "ms": 1000 * subject.seconds,
        "share": 100 * np.count_nonzero(labels) / labels.size,
    }
    if subject.spacing is not None:
        facts["area"] = np.count_nonzero(labels) * prod(subject.spacing[-2:]) / 100
    return (Panel(name, outlined(subject, labels), facts=facts),)


def _sized(name: str, subject: Subject | None) -> tuple[Panel, ...]:
    """As `_masked`, with the area of the mask; its share of the image where pixels have no size."""
    unsized = subject is not None and subject.spacing is None
    return _masked(f"{name}_share" if unsized else name, subject)


def _word(guide: _Guide) -> Steps:
    """A score beside a mask."""
    panels, facts = [], {"score": float("nan")}
    alexnet = guide.seen_by(ALEXNET)
    if alexnet is not None:
        scores = alexnet.prediction(alexnet.logits).scores
        facts["score"] = 100 * max(scores.values())
        panels.append(Panel("one_word", image_of(alexnet), facts=facts))
        yield _BEGUN
    return Look("word", (*panels, *_masked("one_mask", guide.seen_by(TODAY))), facts)


def _window(guide: _Guide, seconds: float) -> Steps:
    """The window runs for some seconds beside networks that are done."""
    sliding = guide.seen_by(CIRESAN)
    panels: list[Panel] = []
    facts: dict[str, Any] = dict.fromkeys(("done", "total", "seconds", "minutes"), float("nan"))
    if sliding is not None:
        middle = sliding.grid[0] // 3
        done = yield from windows(sliding, seconds, middle)
        facts = {
            "done": done.done,
            "total": done.total,
            "seconds": done.seconds,
            "minutes": done.seconds / done.done * done.total / 60,
        }
        column = done.done % sliding.grid[1]
        drawn = with_outlines(image_of(sliding), done.labels, {1: LUNGS})
        side = 2 * (sliding.predictor.network.facts.receptive_radius or 0) + 1
        panels.append(Panel("window_runs", marked(drawn, done.row, column, side), facts=facts))
        panels += _masked("windows_at_once", sliding)
        yield _BEGUN
    panels += _masked("unet_done", guide.seen_by(UNET_2015, TODAY))
    return Look("window", tuple(panels), facts)


def _one(operation: str, *names: str) -> Callable[[_Guide], Steps]:
    """A stop that is one operation of the first of these models that is there."""

    def stop(guide: _Guide) -> Steps:
        subject = guide.seen_by(*names)
        yield _BEGUN
        return Look(operation) if subject is None else look(subject, operation)

    return stop


def _latent(guide: _Guide) -> Steps:
    """The way down, and what is drawn of it without skip connections."""
    subject = guide.seen_by(ENCODER_DECODER, UNET_2015, TODAY)
    if subject is None:
        return Look("latent")
    found = look(subject, "latent")
    yield _BEGUN
    return replace(found, panels=(*found.panels, *_masked("decoded", subject)))


def _convolution(guide: _Guide) -> Steps:
    """A convolution at a pixel; then padding."""
    subject = guide.seen_by(TODAY)
    if subject is None:
        return Look("convolution")
    found = look(subject, "convolution")
    yield _BEGUN
    padded = look(guide.seen_by(RESIDUAL, UNET_2015) or subject, "padding")
    facts = {**padded.facts, **found.facts, "unpadded": padded.facts["network"]}
    return Look("convolution", (*found.panels, *padded.panels), facts)


def _skip(guide: _Guide) -> Steps:
    """Skips cut in a trained network; and one that was trained without them."""
    subject = guide.seen_by(TODAY, UNET_2015)
    if subject is None:
        return Look("skip")
    found = look(subject, "skip")
    yield _BEGUN
    never = _masked("never_had_skips", guide.seen_by(ENCODER_DECODER))
    return replace(found, panels=(*found.panels, *never))


@lru_cache(maxsize=1)
def _middle(path: Path) -> tuple[Raster, int]:
    """The slice in the middle of a volume, with its neighbours, and which of these it is."""
    raster = read_raster(path)
    return slab(raster, len(raster.pixels) // 2, 1)


def _use(guide: _Guide, ct: Path | None) -> Steps:
    """What it is good for: an X-ray, a CT, and a finding where there is a model for one."""
    panels = [*_sized("xray_mask", guide.seen_by(TODAY))]
    yield _BEGUN
    if ct is not None:
        middle, index = _middle(ct)
        panels += _sized("ct_mask", guide.seen_by(TODAY_CT, raster=middle, index=index))
        yield _BEGUN
    panels += guide.finding()
    return Look("use", tuple(panels), {"panels": len(panels)})


_OTHERS: dict[str, Callable[[_Guide], Steps]] = {
    "word": _word,
    "streams": _one("streams", ALEXNET),
    "latent": _latent,
    "convolution": _convolution,
    "pooling": _one("pooling", TODAY, UNET_2015),
    "deconvolution": _one("deconvolution", UNET_2015, RESIDUAL, ENCODER_DECODER),
    "skip": _skip,
    "residual": _one("residual", RESIDUAL),
}
