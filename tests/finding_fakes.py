"""A tiny model for findings beside the shipped ones, and X-rays to try it on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from napari_unet.core.input_rule import InputRule
from napari_unet.core.lung_frame import LungFrame
from napari_unet.core.raster import Raster
from napari_unet.io.formats import read_raster
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.models.checkpoint import build_net, save_model
from napari_unet.models.library import ModelLibrary
from napari_unet.models.output import FindingReference, Output
from napari_unet.resources_path import resource
from napari_unet.training.augment_config import AugmentConfig
from napari_unet.training.config import TrainingConfig
from napari_unet.training.recipe import DataConfig, FindingConfig, Recipe, ReferenceConfig

FINDINGS = ("abnormal", "tb_like", "effusion")
SMALL = {"base": 2, "depth": 3, "widest": 8, "classes": len(FINDINGS)}
REFERENCE = FindingReference(
    finding="abnormal",
    threshold=0.5,
    sensitivity=0.9,
    low=0.8,
    high=0.95,
    specificity=0.5,
    positives=30,
    negatives=30,
    source="somewhere, val",
    normal=(0.0, 0.01, 0.02, 1.0),
)


def library_with(folder: Path, name: str = "toy-finding", **fields: Any) -> ModelLibrary:
    """A library with a model of random weights that cuts images to the lungs, and the shipped ones."""
    spec = NetSpec(kind="finding", arguments=SMALL)
    output = Output(id="findings", task="classification", findings=FINDINGS, references=(REFERENCE,))
    described = {
        "outputs": (output,),
        "net": spec,
        "input": InputRule(size=(64, 64)),
        "frame": LungFrame("cxr-lung-whole"),
        "modalities": ("CR", "DX"),
        "views": ("PA", "AP"),
        **fields,
    }
    torch.manual_seed(0)
    net = build_net(spec)
    torch.nn.init.normal_(net.head.weight, std=0.5)
    save_model(net.state_dict(), ModelCard(name=name, **described), folder / name)
    return ModelLibrary(folder, (resource("models"),))


def sample() -> Raster:
    """One of the bundled X-rays."""
    return read_raster(resource("samples", "hannover_0a7faa2a.png"))


def no_chest() -> np.ndarray:
    """uint8 (64, 64): noise."""
    return np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)


TELLS_ALL = (
    FindingConfig("abnormal", column="any"),
    FindingConfig("opacity", column=("consolidation", "pneumonia")),
)
TELLS_ONE = (FindingConfig("abnormal", column="tb"),)
FINDINGS_TOLD = (FindingConfig("abnormal"), FindingConfig("opacity"))
QUIET = AugmentConfig(opacity=0, effusion=0, cover=0, reframe=0, curve=0, field=0, random_convolution=0)


def source(folder: Path, header: str, cells: list[str]) -> DataConfig:
    """Twelve pictures; those whose first label is 1 are bright."""
    (folder / "images").mkdir(parents=True)
    rows = [f"file,patient,split,{header}"]
    for k in range(12):
        said = cells[k % len(cells)]
        pixels = np.random.default_rng(k).normal(90 + 60 * (said[0] == "1"), 20, (40, 40)).clip(0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / f"{k}.png")
        rows.append(f"{k}.png,{folder.name}{k},{'train' if k < 8 else 'val'},{said}")
    (folder / "manifest.csv").write_text("\n".join(rows))
    return DataConfig(str(folder), name=folder.name)


def several_sources(tmp_path: Path) -> Recipe:
    """Two sources of pictures: one tells both findings, the other only one of them."""
    one = source(tmp_path / "one", "any,consolidation,pneumonia", ["1,1,0", "0,0,0", "1,0,1", "1,0,0"])
    two = source(tmp_path / "two", "tb", ["1", "0"])
    return Recipe(
        name="several",
        data=(replace(one, tells=TELLS_ALL, per_epoch=4), replace(two, tells=TELLS_ONE, per_epoch=6)),
        findings=FINDINGS_TOLD,
        input=InputRule(size=(32, 32)),
        net=NetSpec(kind="finding", arguments={"base": 2, "depth": 2, "widest": 4, "classes": 2}),
        reference=ReferenceConfig(("one", "two"), normal="abnormal"),
        training=TrainingConfig(epochs=2, batch=4, check_every=1, augment=QUIET),
    )
