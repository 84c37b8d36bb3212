"""The one way from a chest X-ray to the scores of findings: lungs, frame, scores, zones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from napari_unet.core.auto import FINDING_MODEL, LUNGS_FOR_FINDINGS
from napari_unet.core.errors import UserError
from napari_unet.core.finding_reading import FindingReading
from napari_unet.core.heat import hottest
from napari_unet.core.image_kind import XRAY, kind_of
from napari_unet.core.input_check import NotForModel, check_kind, check_pixels
from napari_unet.core.lung_frame import LungFrame
from napari_unet.core.lung_thirds import LungThirds, lung_thirds
from napari_unet.core.prediction import Box, Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.lung_frame import Framed, LungsNotFound, framed_steps, within
from napari_unet.inference.occlusion import occlusion_steps
from napari_unet.inference.predictor import Steps
from napari_unet.inference.segment import PredictorCache, segment_steps
from napari_unet.models.card import ModelCard
from napari_unet.models.library import ModelLibrary, default_library
from napari_unet.models.output import Output

Method = Literal["activation", "occlusion"]
"""Of a heat map: the network's own class activation map, or by hiding patches of the image."""

_cache = PredictorCache(1)
_LUNGS = LungFrame(LUNGS_FOR_FINDINGS)  # for zones, where a model itself looks at the whole image


class NoScore(UserError):
    """The image gets no score; the text says why."""


def find_steps(
    raster: Raster,
    *,
    model: str = FINDING_MODEL,
    device: str = "auto",
    method: Method = "activation",
    library: ModelLibrary | None = None,
) -> Steps:
    """Scores the findings of a chest X-ray (Y, X): yields TileDone and Notes, returns the Prediction.

    Its scores are from 0 to 1, its maps the class activation map of each finding inside the frame of the
    lungs, and its `reading` has zones, ranks and thresholds. method : "occlusion" makes the maps in the other
    way, which takes a hundred times as long (`inference.occlusion`). The lungs are found by a shipped model,
    whatever model is in use for masks. Raises NoScore for images that get no score, UserError for models and
    devices that cannot be used.
    """
    library = library or default_library()
    entry = library.find(model)
    card, answer = entry.card, entry.card.output
    if answer.task != "classification":
        raise UserError(
            f"The model {card.name} draws masks and gives no scores.", f"Use {FINDING_MODEL}, for instance."
        )
    try:
        _check(raster, card)
        found = yield from framed_steps(raster, card.frame or _LUNGS, device, library)
    except LungsNotFound as error:
        raise NoScore(f"No score, because the lungs were not found. {error.remedy}") from error
    except NotForModel as error:
        raise NoScore(f"No score: {error.problem}", error.remedy) from error
    seen = found.raster if card.frame else replace(raster, inverted=found.raster.inverted)
    scored = yield from segment_steps(
        seen,
        model=str(entry.folder),
        device=device,
        input_check=False,
        masks_only=False,
        cache=_cache,
        library=library,
    )
    if method == "occlusion":
        maps = yield from occlusion_steps(_cache.get(entry, device), seen, _cell(card))
        scored = replace(scored, maps=maps)
    outer = found.box if card.frame else _whole(raster)
    box = within(outer, scored.boxes[0]) if scored.boxes else outer
    notes = tuple(dict.fromkeys((*found.lungs.notes, *scored.notes)))
    scored = replace(scored, shape=raster.shape, boxes=(box,), notes=notes, spacing_mm=raster.spacing_mm)
    reading = _reading(scored, found, card)
    return replace(
        scored,
        reading=reading,
        notes=(*notes, *reading.sentences(scored.scores)),
        image_checks=tuple(dict.fromkeys((*found.lungs.image_checks, *scored.image_checks))),
    )


def find(
    raster: Raster, *, model: str = FINDING_MODEL, device: str = "auto", method: Method = "activation"
) -> Prediction:
    """`find_steps` without the events."""
    return run(find_steps(raster, model=model, device=device, method=method))


def _check(raster: Raster, card: ModelCard) -> None:
    """Raises NoScore or NotForModel for what is no frontal chest X-ray by header, values or axes."""
    kind = kind_of(raster)
    if kind.name != XRAY:
        raise NoScore(f"No score, because the image is a {kind.name}.", "Open a frontal chest X-ray.")
    check_pixels(raster)
    if raster.pixels.ndim != 2:
        raise NoScore(
            f"No score, because this is a stack of {len(raster.pixels)} images.", "Give them one by one."
        )
    check_kind(raster, card.modalities, card.views, card.body_parts)


def _whole(raster: Raster) -> Box:
    return slice(0, raster.shape[0]), slice(0, raster.shape[1])


def _reading(scored: Prediction, found: Framed, card: ModelCard) -> FindingReading:
    thirds = lung_thirds(found.lungs.mask(), scored.row_direction)
    if thirds is None:
        raise NoScore("No score, because the lungs were not found.", "Open a frontal chest X-ray.")
    cell = _cell_px(scored, card)
    return FindingReading(
        thirds,
        cell,
        _zones(scored, thirds, cell),
        _ranks(scored.scores, card.output),
        {one.finding: one.threshold for one in card.output.references},
    )


def _cell_px(scored: Prediction, card: ModelCard) -> tuple[float, float]:
    """Rows and columns of the image that one cell of the map covers."""
    height, width = (
        (part.stop - part.start) * _cell(card) / pixels
        for part, pixels in zip(scored.boxes[0], scored.maps.shape[-2:], strict=True)
    )
    return height, width


def _cell(card: ModelCard) -> int:
    """Pixels of the network's input per side of a cell."""
    return card.facts.cell or 1 if card.facts is not None else 1


def _zones(scored: Prediction, thirds: LungThirds, cell: tuple[float, float]) -> dict[str, str]:
    places = {name: hottest(scored, name, cell) for name in scored.scores}
    return {name: thirds.zone(*place) for name, place in places.items() if place is not None}


def _ranks(scores: Mapping[str, float], output: Output) -> dict[str, int]:
    ranks = {one.finding: one.rank(scores[one.finding]) for one in output.references}
    return {name: rank for name, rank in ranks.items() if rank is not None}
