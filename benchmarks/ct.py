"""How well a model divides CT into right lung, left lung and the rest, also where scan or lung are unusual.

CT_MODEL names another model than ct-lung: a name in the library, or a folder.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from benchmarks.ct_folds import fold_scores
from benchmarks.ct_sets import SILVER, VAL, CtScore, Volume, by_two_roads, scored, summary, volume
from benchmarks.ct_variants import SIDES_UNUSUAL, variants
from benchmarks.result import Column, NotMeasured, Result
from napari_unet.core.errors import UserError
from napari_unet.models.library import default_library

MODEL = "ct-lung"
_COLUMNS = (
    Column("what"),
    Column("CT"),
    Column("volumes"),
    Column("Dice", "score"),
    Column("worst", "score"),
    Column("right lung", "score"),
    Column("left lung", "score"),
    Column("HD95", "mm"),
    Column("mean surface distance", "mm"),
    Column("wrong side, worst", "share"),
    Column("said so"),
)
_QUICK = ("as it is", "prone: turned about the body's axis", "really mirrored")


def measure(quick: bool) -> Result:
    """Nothing here was used to train the model; LCTSC Case_006 chose among its epochs."""
    model = os.environ.get("CT_MODEL", MODEL)
    result = Result(
        "Chest CT: right and left lung",
        f"{Path(model).name} on LCTSC Case_006 (validation: it chose among epochs) as it is, stored in other "
        "orders with a header that says so, as other scanners would have made it, and with *simulated* "
        "disease (`training/ct_disease.py`; seeds that no training draws). Truth by the model's protocol: "
        "consolidated, collapsed and fibrotic lung and tumour are in, pleural fluid and the air of "
        "a pneumothorax are out. HD95 and surface distance are those of both lungs together, the worst of "
        "the volumes. Wrong side: of the lung that mask and truth share, the part that got the other side. "
        "Where lungs touch, masks and truth of LCTSC are divided by the same rule (`core/lung_division.py`), "
        "so there it says nothing; the sides of the other CT are not ours. "
        f"{SILVER}: labels by TotalSegmentator, no truth.",
        _COLUMNS,
    )
    try:
        if Path(model).name == model:
            default_library().find(model)
        volumes = [volume(VAL)] if quick else [volume(VAL), volume(SILVER)]
    except (UserError, NotMeasured) as why:
        result.add_missing(Path(model).name, getattr(why, "problem", why))
        return result
    for one in volumes:
        _add(result, one, model, quick)
    if not quick:
        road = "DICOM series of 512 × 512 pixels, against the mask from the NIfTI file of 256 × 256"
        result.add(road, "Case_005", "1", *summary([by_two_roads(model)]), "")
    for name, count, found, said in _leave_one_out():
        result.add(name, "leave-one-out", count, *summary(found), said)
    return result


def _add(result: Result, one: Volume, model: str, quick: bool) -> None:
    """The rows of one volume; of the silver one only as it is."""
    for variant in variants():
        if (quick and variant.name not in _QUICK) or (one.name == SILVER and variant.name != "as it is"):
            continue
        raster, labels = variant.change(one.raster, one.labels)
        score = scored(raster, labels, model, surfaces=not quick)
        said = ""
        if variant.says is not None:
            said = "yes" if any(variant.says.search(note) for note in score.said) else "no"
        elif any(SIDES_UNUSUAL.search(note) for note in score.said):
            said = "says that sides are unusual, wrongly"
        what = variant.name if variant.group == variant.name else f"{variant.group}: {variant.name}"
        result.add(what, one.name, "1", *summary([score]), said)


def _leave_one_out() -> list[tuple[str, str, list[CtScore], str]]:
    """Rows of the stored scores of `ct_folds`, if there are any: by what was done to the volume."""
    rows: dict[str, list[CtScore]] = defaultdict(list)
    for stored in fold_scores():
        for name, score in stored.scores.items():
            rows[f"{stored.what}: {name}"].append(score)
    return [(name, str(len(found)), found, "") for name, found in rows.items()]
