"""The images a fine-tune is measured on: a new hospital's, by patient, and those not to be forgotten."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from benchmarks.result import NotMeasured
from napari_unet.core.training_pair import TrainingPair

NEW, OLD = "covid", "montgomery"


def cases(name: str, split: str) -> list[TrainingPair]:
    """One split of a set of chest X-rays, by file name. Raises NotMeasured if the data is not there."""
    root = os.environ.get("NAPARI_UNET_DATA")
    if not root:
        raise NotMeasured("the data folder is not there")
    folder = Path(root) / "cxr" / name
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == split]
    return [
        TrainingPair(
            Path(row["file"]).stem,
            folder / "images" / row["file"],
            folder / "masks" / row["file"],
            row["patient"],
        )
        for row in sorted(rows, key=lambda row: row["file"])
    ]


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
