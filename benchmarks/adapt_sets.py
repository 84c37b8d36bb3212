"""The images a fine-tune is measured on: a new hospital's, by patient, and those not to be forgotten."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from benchmarks.data import data_folder
from napari_unet.core.training_pair import TrainingPair
from napari_unet.training.drift import spread
from napari_unet.training.travel import travel_set

NEW, OLD, CHILDREN = "covid", "montgomery", "children"


def cases(name: str, split: str) -> list[TrainingPair]:
    """One split of a set of chest X-rays, by file name. Raises NotMeasured if the data is not there."""
    folder = data_folder() / "cxr" / name
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == split]
    return [
        TrainingPair(
            Path(row["file"]).stem,
            folder / "images" / row["file"],
            folder / "masks" / f"{Path(row['file']).stem}.png",
            row["patient"],
        )
        for row in sorted(rows, key=lambda row: row["file"])
    ]


def children(split: str, count: int | None = None) -> list[TrainingPair]:
    """As `cases`, of the hospital for children, without what the acceptance test looks at as its travel set.

    count : so many, spread evenly; None for all.
    """
    travelling = {Path(image.original).stem for image in travel_set()}
    found = [pair for pair in cases(CHILDREN, split) if pair.id not in travelling]
    return found if count is None else [found[k] for k in spread(len(found), count)]


def draw(pairs: list[TrainingPair], count: int, seed: int) -> tuple[list[TrainingPair], list[TrainingPair]]:
    """(`count` cases, those of all other patients): patient after patient, in an order drawn by the seed."""
    patients = sorted({pair.group for pair in pairs})
    drawn: list[TrainingPair] = []
    for k in np.random.default_rng(seed).permutation(len(patients)):
        if len(drawn) >= count:
            break
        drawn += [pair for pair in pairs if pair.group == patients[k]]
    used = {pair.group for pair in drawn}
    return drawn[:count], [pair for pair in pairs if pair.group not in used]
