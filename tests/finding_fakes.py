"""A tiny model for findings beside the shipped ones, and X-rays to try it on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_unet.core.input_rule import InputRule
from napari_unet.core.lung_frame import LungFrame
from napari_unet.core.raster import Raster
from napari_unet.io.formats import read_raster
from napari_unet.models.card import FindingReference, ModelCard, NetSpec, Output
from napari_unet.models.checkpoint import build_net, save_model
from napari_unet.models.library import ModelLibrary
from napari_unet.resources_path import resource

FINDINGS = ("abnormal", "tb_like", "effusion")
SMALL = {"base": 2, "depth": 3, "widest": 8, "hidden": 4, "classes": len(FINDINGS)}
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
