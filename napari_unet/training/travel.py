"""The travel set: X-rays from two other hospitals, without references, to look at each new model on."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from napari_unet.models.card import ModelCard
from napari_unet.resources_path import resource

PLACE = "the travel set"
_LIST = "travel.csv"
_XRAY = frozenset({"CR", "DX"})


@dataclass(frozen=True)
class TravelImage:
    """title : for people. original : name of the file in its public set, which `resources/travel` credits."""

    title: str
    image: Path
    original: str


def travel_set() -> tuple[TravelImage, ...]:
    """Eight children and eight adults."""
    folder = resource("travel")
    with open(folder / _LIST, encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    return tuple(TravelImage(row["title"], folder / row["file"], row["original"]) for row in rows)


def travels(card: ModelCard) -> bool:
    """Whether a model is for such images: it draws lungs in X-rays, by its card."""
    output = card.output
    return (
        output.task == "segmentation"
        and output.labels.of_lungs
        and card.input.axes == 2
        and bool(_XRAY & set(card.modalities))
    )
