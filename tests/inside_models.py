"""Small untrained models of every kind of the lineage, by the names of the shipped ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from net_fakes import UNIT, lungs, saved, xray

from napari_unet.core.input_rule import InputRule
from napari_unet.core.raster import Raster
from napari_unet.models.card import NetSpec
from napari_unet.models.library import ModelEntry, ModelLibrary
from napari_unet.models.output import Output

SIDE = 64
NETS: dict[str, tuple[str, dict[str, Any]]] = {
    "lineage-ciresan": ("sliding-window", {"window": 65, "maps": 3, "hidden": 4}),
    "lineage-encoder-decoder": ("unet", {"base": 4, "depth": 2, "skips": False}),
    "lineage-unet-2015": ("unet-2015", {"base": 2}),
    "lineage-residual": ("unet", {"base": 4, "depth": 2, "block": "residual"}),
    "lineage-alexnet": ("alexnet", {"width": 1 / 12, "channels": 1, "classes": 1}),
    "cxr-lung": ("unet", {"base": 4, "depth": 2, "up": "interpolate"}),
}


def teaching_model(folder: Path, name: str, **fields: Any) -> ModelEntry:
    """The model of that name in a folder of models."""
    kind, arguments = NETS[name]
    side = 227 if kind == "alexnet" else SIDE
    given: dict[str, Any] = {
        "name": name,
        "net": NetSpec(kind=kind, arguments=arguments),
        "input": InputRule(size=(side, side)),
        "intensity": UNIT,
        "use": "" if name == "cxr-lung" else "teaching: chest X-rays",
    }
    if kind == "alexnet":
        given["outputs"] = (Output(id="pneumonia", task="classification", findings=("pneumonia",)),)
    return saved(folder / name, seed=3, **given | fields)


def lineage(folder: Path, *names: str) -> ModelLibrary:
    """A library of these models; of all of them if none is named."""
    for name in names or NETS:
        teaching_model(folder, name)
    return ModelLibrary(folder)


def chest() -> Raster:
    """An X-ray of 64 × 64 pixels."""
    return Raster(xray(lungs(SIDE, SIDE)), spacing_mm=(2.0, 2.0))
