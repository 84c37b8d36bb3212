"""The first mask of a case in a review project: from the path of its file, so that no pixels travel there."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from math import isnan
from pathlib import Path

import numpy as np

from napari_unet.core.checks import UNLIKE, check_labels
from napari_unet.core.doubt import border_doubt
from napari_unet.core.events import Note, TileDone
from napari_unet.core.first_mask import FirstMask
from napari_unet.core.gate import NotForModel
from napari_unet.core.prediction import Prediction
from napari_unet.inference.prepare import resized
from napari_unet.inference.segment import segment_steps
from napari_unet.io.formats import read_raster
from napari_unet.models.card import ModelCard
from napari_unet.models.library import ModelLibrary, default_library

_LONGEST = 1024  # longer side of a kept map of a model that sees native pixels


def first_mask_steps(
    path: str, model: str = "cxr-lung", device: str = "auto", library: ModelLibrary | None = None
) -> Generator[TileDone | Note, None, FirstMask]:
    """Segments the image in a file: yields TileDone and Notes, returns the FirstMask.

    library : in which the model is looked for, None for the usual one. An image that the model is not for is
    no failure: `refused` says why, and it comes first in the queue.
    Raises UserError if the file cannot be read, or the model or the device is not there.
    """
    raster = read_raster(Path(path))
    library = library or default_library()
    card = library.find(model).card
    try:
        prediction = yield from segment_steps(raster, model=model, device=device, library=library)
    except NotForModel as error:
        said = (fact.code for fact in card.facts_against(raster.header()))
        return FirstMask(card.name, card.version, checks=(UNLIKE, *said), refused=str(error))
    mask = prediction.mask()
    probability, uncertainty = kept_maps(prediction, card)
    score = border_doubt(uncertainty, mask)
    labels = prediction.labels()
    found = check_labels(labels, raster.spacing_mm, raster.columns_towards, prediction.rule.per_slice)
    return FirstMask(
        model=card.name,
        version=card.version,
        labels=labels,
        probability=probability,
        uncertainty=uncertainty,
        score=None if isnan(score) else score,
        checks=(*prediction.gate, *found),
        threshold=prediction.threshold,
        notes=prediction.notes,
        features=prediction.features,
    )


def kept_maps(prediction: Prediction, card: ModelCard) -> tuple[np.ndarray, np.ndarray]:
    """(probability, uncertainty) of a prediction as uint8, at the model's own size in plane, never larger.

    For several labels: the highest probability of any.
    """
    shape = prediction.probability.shape[-2:]
    if card.input.size is not None:
        height, width = (min(a, b) for a, b in zip(shape, card.input.size[-2:], strict=True))
    else:
        shrink = min(1.0, _LONGEST / max(shape))
        height, width = (max(1, round(n * shrink)) for n in shape)
    uncertainty = prediction.uncertainty
    if uncertainty is None:
        uncertainty = np.zeros(prediction.probability.shape[1:], np.float32)
    probability, uncertainty = (
        _bytes(map_, (height, width)) for map_ in (prediction.foreground, uncertainty)
    )
    return probability, uncertainty


def _bytes(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    def planes() -> Iterator[np.ndarray]:
        for plane in values if values.ndim == 3 else values[None]:
            yield np.rint(resized(plane, size)[0, 0].numpy() * 255).astype(np.uint8)

    whole = np.stack(list(planes()))
    return whole if values.ndim == 3 else whole[0]
