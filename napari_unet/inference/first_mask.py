"""The first mask of a case in a review project: from where its image lies, so that no pixels travel there."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np

from napari_unet.core.auto import AUTO
from napari_unet.core.checks import UNLIKE
from napari_unet.core.events import Note, TileDone
from napari_unet.core.first_mask import as_first_mask
from napari_unet.core.image_kind import kind_of
from napari_unet.core.input_check import NotForModel
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.inference.find import NoScore, find_steps
from napari_unet.inference.segment import segment_steps
from napari_unet.io.formats import read_raster
from napari_unet.models.library import ModelLibrary, default_library


def first_mask_steps(
    image: Source | Path | str | Raster,
    model: str = AUTO,
    device: str = "auto",
    library: ModelLibrary | None = None,
    output: str | None = None,
    finished: bool = True,
) -> Generator[TileDone | Note, None, Prediction]:
    """Segments the image in a file or a series: yields TileDone, Notes; returns the Prediction as it is kept.

    Its maps have 8 bits; its labels, their checks and the border's uncertainty are made before that.
    Of an answer of scores these are there, with the map, and nothing is drawn; a model that looks at the
    lungs alone gets their frame, as in `find_steps`.
    finished : False leaves `as_first_mask` to who asked.
    model, output : as in `segment_steps`. library : in which the model is looked for, None for the usual one.
    An image that the model is not for is no failure: `refused` says why, and it comes first in the queue.
    Raises UserError if the file cannot be read, or the model or the device is not there.
    """
    raster = image if isinstance(image, Raster) else read_raster(Source.of(image))
    library = library or default_library()
    entry = library.for_image(model, kind_of(raster))[0]
    try:
        if entry.card.frame is None:
            prediction = yield from segment_steps(
                raster, model=model, output=output, device=device, masks_only=False, library=library
            )
        else:
            prediction = yield from find_steps(raster, model=model, device=device, library=library)
    except (NotForModel, NoScore) as error:
        card = entry.card
        said = (fact.code for fact in card.facts_against(raster.header()))
        nothing = np.zeros((0, *raster.shape), np.uint8)
        codes = (UNLIKE, *said)
        return Prediction(
            nothing, model=card.name, version=card.version, image_checks=codes, refused=str(error)
        )
    return as_first_mask(prediction, raster) if finished else prediction
