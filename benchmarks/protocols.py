"""What cxr-lung-whole does in places that its training has not seen, where the visible lung is known."""

from __future__ import annotations

import numpy as np

from benchmarks.adapt_sets import OLD, cases
from benchmarks.result import Column, NotMeasured, Result
from napari_unet.core.chest_zones import Zone, at_zone_size, chest_zones
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.segment import segment_steps
from napari_unet.io.formats import read_labels, read_raster
from napari_unet.models.library import default_library

MODEL = "cxr-lung-whole"
_SETS = (("Montgomery, test", OLD), ("Shenzhen", "shenzhen_eval"))
_ZONES = (Zone.HEART, Zone.DOME, Zone.HILUM, Zone.APEX, Zone.FIELD, Zone.OUTSIDE)

_COLUMNS = (
    Column("images"),
    Column("n"),
    Column("visible lung covered", "share"),
    Column("worst image", "share"),
    Column("extra area, of the visible lung", "share"),
    Column("extra along the border", "share"),
    Column("beyond the border: behind heart or dome", "share"),
    *(Column(zone.words, "share") for zone in _ZONES),
)


def measure(quick: bool) -> Result:
    """The masks of both sets hold the visible lung fields, so what is covered and what is added are known."""
    result = Result(
        "The whole lung, in other places",
        f"{MODEL} on images whose masks hold the visible lung fields, by the protocol of cxr-lung; neither "
        "set is in its training. Covered: mean share of the visible lung that is in the model's mask. Extra: "
        "all pixels of the model's masks outside the visible lung; along the border means within 2 % of the "
        "chest's width. The last columns divide what is beyond the border among the zones around the visible "
        "lung (`core/chest_zones.py`).",
        _COLUMNS,
    )
    for title, name in _SETS:
        try:
            pairs = cases(name, "test")
        except NotMeasured as why:
            result.add_missing(title, why)
            continue
        result.add(title, *_of_set(pairs[:2] if quick else pairs))
    return result


def _of_set(pairs: list[TrainingPair]) -> list[object]:
    covered, extra, lung = [], np.zeros(len(Zone)), 0
    library = default_library()
    for pair in pairs:
        raster = read_raster(pair.source)
        visible = read_labels(pair.mask, of=raster).labels > 0
        steps = segment_steps(raster, model=MODEL, device="cpu", input_check=False, library=library)
        found = run(steps).mask()
        covered.append((found & visible).sum() / visible.sum())
        visible, found = at_zone_size(visible), at_zone_size(found)
        chest = chest_zones(visible)
        if chest is None:
            continue
        extra += np.bincount(chest.zones[found & ~visible], minlength=len(Zone))
        lung += int(visible.sum())
    beyond = sum(extra[zone] for zone in _ZONES)
    wanted = extra[Zone.HEART] + extra[Zone.DOME]
    shares = [extra.sum() / lung, extra[Zone.BORDER] / extra.sum(), wanted / beyond]
    zones = (extra[zone] / beyond for zone in _ZONES)
    return [str(len(pairs)), *map(float, (np.mean(covered), min(covered), *shares, *zones))]
