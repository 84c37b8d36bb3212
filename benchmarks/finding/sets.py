"""The images on which findings are scored, and what is known of each."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.data import data_folder
from benchmarks.result import NotMeasured

OPACITIES = ("Consolidation", "Pneumonia", "Infiltration")


@dataclass(frozen=True)
class Picture:
    """truth : what is known of each finding. kinds : other groups that it belongs to. shape : rows and
    columns of the original file, where the data say so."""

    place: str
    image: Path
    patient: str
    truth: Mapping[str, bool]
    kinds: tuple[str, ...] = ()
    shape: tuple[int, int] | None = None
    age: float | None = field(default=None, repr=False)


def montgomery() -> Iterator[Picture]:
    """All 138: no network of `cxr-finding` has seen one of them."""
    for row, image in _rows("montgomery"):
        sick = row["tb"] == "1"
        yield Picture("Montgomery", image, row["patient"], {"tb_like": sick, "abnormal": sick})


def nih(split: str = "test") -> Iterator[Picture]:
    """PA and AP are among the kinds, and each text-mined label that is used."""
    for row, image in _rows("nih_findings", split):
        truth = {
            "abnormal": row["any_finding"] == "1",
            "opacity": any(row[name] == "1" for name in OPACITIES),
            "effusion": row["Effusion"] == "1",
            "nodule_or_mass": "1" in (row["Nodule"], row["Mass"]),
            "atelectasis": row["Atelectasis"] == "1",
        }
        labels = tuple(name for name in ("Pneumonia", "Effusion", "Nodule") if row[name] == "1")
        shape = int(float(row["orig_height"])), int(float(row["orig_width"]))
        kinds = row["view"], row["sex"], *labels
        yield Picture("NIH", image, row["patient"], truth, kinds, shape, float(row["age"]))


def children() -> Iterator[Picture]:
    """The test split; pneumonia is an opacity."""
    for row, image in _rows("children", "test"):
        sick = row["label"] != "normal"
        shape = int(row["orig_height"]), int(row["orig_width"])
        yield Picture("Children", image, row["patient"], {"abnormal": sick, "opacity": sick}, shape=shape)


def covid() -> Iterator[Picture]:
    """The test split; all of them are sick."""
    for row, image in _rows("covid", "test"):
        yield Picture("COVID-19", image, row["patient"], {"abnormal": True})


def shenzhen_val() -> Iterator[Picture]:
    """On which the threshold of tb_like was chosen."""
    for row, image in _rows("shenzhen_tb", "val"):
        sick = row["tb"] == "1"
        yield Picture("Shenzhen", image, row["patient"], {"tb_like": sick, "abnormal": sick})


def _rows(place: str, split: str | None = None) -> Iterator[tuple[dict[str, str], Path]]:
    folder = data_folder() / "cxr" / place
    if not folder.is_dir():
        raise NotMeasured(f"{place} is not there")
    with open(folder / "manifest.csv", encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            if split in (None, row["split"]):
                yield row, folder / "images" / row["file"]
