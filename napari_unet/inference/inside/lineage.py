"""The whole lineage on one image, each network with its time."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from napari_unet.core.events import Note
from napari_unet.core.inside import NetworkDone
from napari_unet.core.lineage import LINEAGE
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.segment import PredictorCache, segment_steps, shared_cache
from napari_unet.models.checkpoint import bare_net
from napari_unet.models.library import ModelEntry, ModelLibrary, choose, default_library
from napari_unet.nets.stages import parameters_of


def lineage_steps(
    raster: Raster,
    *,
    models: tuple[str, ...] = LINEAGE,
    device: str = "auto",
    library: ModelLibrary | None = None,
    cache: PredictorCache | None = None,
) -> Generator[NetworkDone | Note, Any, tuple[NetworkDone, ...]]:
    """What each of these models says of an image (Y, X): yields NetworkDone after each, returns all.

    A model that is not in the library is said to be missing. Raises UserError as `segment_steps` does.
    """
    entries = (library or default_library()).list()
    found = []
    for name in models:
        entry = choose(name, entries)
        found.append(network_done(name, entry, raster, device, cache))
        yield found[-1]
    return tuple(found)


def network_done(
    name: str, entry: ModelEntry | None, raster: Raster, device: str, cache: PredictorCache | None
) -> NetworkDone:
    """What a model says of an image, and how long that takes. entry : None if there is none of that name."""
    if entry is None:
        return NetworkDone(name, missing=True)
    cache = cache or shared_cache
    library = ModelLibrary(entry.folder.parent)
    arguments: dict[str, Any] = {"device": device, "masks_only": False, "input_check": False}
    for _ in range(2):  # the first time it is loaded
        prediction = run(
            segment_steps(raster, model=str(entry.folder), cache=cache, library=library, **arguments)
        )
    masks = prediction.task == "segmentation"
    return NetworkDone(
        entry.card.name,
        entry.card.title,
        prediction.labels() if masks else None,
        dict(prediction.scores),
        prediction.seconds,
        parameters_of(bare_net(entry.card.net)),
    )
