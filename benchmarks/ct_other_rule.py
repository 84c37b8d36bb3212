"""Chest CT by another rule: what a fine-tune of ct-lung on twelve slices wins back.

The rule (`aerated`) was fixed before any training with it.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks.ct_sets import VAL, Volume, volume
from benchmarks.result import Column, NotMeasured, Result
from napari_unet.core.metrics import dice
from napari_unet.core.raster import Raster
from napari_unet.core.spread import spread
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.segment import segment
from napari_unet.models.library import default_library
from napari_unet.training.adapt_config import PRESETS
from napari_unet.training.finetune import fine_tune

MODEL = "ct-lung"
TAUGHT, SLICES = ("Case_000", "Case_002", "Case_004"), 4  # of each volume so many slices
_SMOOTH_MM, _AERATED = 3.0, -500.0
_RULE = "aerated lung only, under -500 HU"

_COLUMNS = (
    Column("seed"),
    Column("ct-lung by its own rule", "score"),
    Column("ct-lung by the other rule", "score"),
    Column("new answer by the other rule", "score"),
    Column("share of the loss won back"),
    Column("old answer, voxels that changed"),
    Column("training", "s"),
)


def aerated(raster: Raster, labels: np.ndarray) -> np.ndarray:
    """The part of the labels with air in it: HU, smoothed within slices by 3 mm, under -500."""
    assert raster.spacing_mm is not None
    sigma = (0.0, *(_SMOOTH_MM / step for step in raster.spacing_mm[1:]))
    return np.where(ndimage.gaussian_filter(raster.pixels.astype(np.float32), sigma) < _AERATED, labels, 0)


def measure(quick: bool) -> Result:
    """Nothing that is read here is a test volume."""
    count = SLICES * len(TAUGHT)
    result = Result(
        "Chest CT by another rule",
        f"{MODEL}, fine-tuned as another protocol with the preset Quick on {count} slices, {SLICES} of each "
        f"of {', '.join(TAUGHT)} (which it was trained on, by its own rule). The masks hold aerated lung "
        f"only: HU, smoothed by {_SMOOTH_MM:g} mm within slices, under {_AERATED:g}. Scored on the whole of "
        f"{VAL}, both lungs together, with the threshold and rules of users: Dice by the model's own rule, "
        "and by the other one before and after. Won back: of the difference of the first two.",
        _COLUMNS,
    )
    try:
        default_library().find(MODEL)
        val, taught = volume(VAL), [volume(name) for name in TAUGHT]
    except NotMeasured as why:
        result.add_missing("another rule", why)
        return result
    if quick:
        val = _cut(val)
    other = aerated(val.raster, val.labels) > 0
    before = segment(val.raster, model=MODEL, device="cpu", input_check=False).labels()
    own, first = dice(before > 0, val.labels > 0), dice(before > 0, other)
    pairs = [_pair(one) for one in taught]
    rows = []
    for seed in (0,) if quick else (0, 1, 2):
        config = replace(PRESETS["quick"], seed=seed)
        if quick:
            config = replace(config, steps=2, per_image=0, check_every=2)
        with tempfile.TemporaryDirectory() as folder:
            library = default_library(Path(folder))
            rule = {"protocol": _RULE, "same_protocol": False}
            made = run(fine_tune(pairs, MODEL, "ct-aerated", config=config, library=library, **rule))
            model = str(made.folder)
            after, old = (
                segment(val.raster, model=model, output=answer, device="cpu", input_check=False).labels()
                for answer in ("new", "old")
            )
        last = dice(after > 0, other)
        rows.append((own, first, last, (last - first) / (own - first), made.train_seconds))
        changed = int((old != before).sum())
        result.add(str(seed), own, first, last, f"{rows[-1][3]:.2f}", str(changed), made.train_seconds)
    if not quick:
        for name, of in (("mean", np.mean), ("standard deviation", np.std)):
            *scores, won, seconds = of(rows, axis=0).tolist()
            result.add(name, *scores, f"{won:.2f}", "", seconds)
    return result


def _pair(one: Volume) -> TrainingPair:
    """A volume with masks by the other rule on a few of its slices."""
    lung = np.flatnonzero(one.labels.any(axis=(1, 2)))
    chosen = tuple(int(lung[k]) for k in spread(len(lung), SLICES))
    return TrainingPair(one.name, one.raster, aerated(one.raster, one.labels), one.name, slices=chosen)


def _cut(one: Volume) -> Volume:
    """The middle of a volume."""
    middle = slice(len(one.labels) // 2 - 4, len(one.labels) // 2 + 4)
    raster = replace(one.raster, pixels=one.raster.pixels[middle].copy(), frame=None)
    return replace(one, raster=raster, labels=one.labels[middle])
