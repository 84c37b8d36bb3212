"""Three toys that go the whole way: two answers, slices of a volume with three labels, scores with a map.

Their weights are random but for the last layer's, by which each label is drawn on some of a toy's own images.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from ct_phantom import SPACING_MM, chest_ct
from dicom_files import save_series
from net_fakes import TINY, card, lungs, xray
from PIL import Image

from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT, Label, LabelSet
from napari_unet.core.source import Source
from napari_unet.inference.predictor import Predictor
from napari_unet.io.formats import read_raster
from napari_unet.models.card import NetSpec
from napari_unet.models.checkpoint import build_net, save_model
from napari_unet.models.output import Output
from napari_unet.nets.registry import NETS

SIDE, DEPTH = 64, 140
CHEST = LabelSet("chest", (Label(1, "lung"), Label(2, "airway"), Label(4, "effusion")))
_OWN_NETS = {"toy-scores": ("net_fakes", "ScoreNet")}


@dataclass(frozen=True)
class Toy:
    """One model in two versions, `name` and `name`-b, and images that are not alike.

    fields : of its card. write : makes the images in a folder; their sources.
    """

    name: str
    fields: dict[str, Any]
    write: Callable[[Path], list[Source]]

    @property
    def output(self) -> Output:
        return self.fields["outputs"][-1]

    @property
    def other(self) -> str:
        return f"{self.name}-b"


def _xrays(folder: Path) -> list[Source]:
    sources = []
    for k in range(4):
        path = folder / f"case{k}.png"
        pixels = np.roll(xray(lungs(SIDE, SIDE), k), 5 * k, axis=k % 2)
        Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(path)
        sources.append(Source.of(path))
    return sources


def _volumes(folder: Path) -> list[Source]:
    """The same chest, in HU, as NIfTI and as a series, the one upside down."""
    across = np.linspace(0.2, 1, DEPTH)[:, None, None]
    noise = np.random.default_rng(0).normal(0, 30, (DEPTH, SIDE, SIDE))
    volume = np.clip(-900 * across * lungs(SIDE, SIDE) + noise, -1000, 400).astype(np.int16)
    path = folder / "ct.nii.gz"
    nib.save(nib.Nifti1Image(volume[::-1].T, np.diag([-0.5, -0.75, 2.5, 1.0])), path)
    return [Source.of(path), Source.of(save_series(folder / "series", volume))]


def _phantoms(folder: Path) -> list[Source]:
    """A chest that shows aerated lung, as NIfTI and as a series."""
    volume, _ = chest_ct((12, 96, 96))
    path = folder / "ct.nii.gz"
    depth, height, width = SPACING_MM
    nib.save(nib.Nifti1Image(volume.T, np.diag([-width, -height, depth, 1.0])), path)
    return [Source.of(path), Source.of(save_series(folder / "series", volume, spacing_mm=SPACING_MM))]


HALF = IntensityRule("percentiles", 0, 100)
WHOLE = InputRule(size=(32, 32))
TWO = Toy(
    "two",
    {
        "net": NetSpec(arguments={**TINY, "classes": 3}),
        "outputs": (
            Output(
                id="heart-out",
                labels=RIGHT_AND_LEFT,
                protocol="The heart is left out.",
                threshold=0.6,
                swaps=RIGHT_AND_LEFT.mirrored,
            ),
            Output(id="heart-in", labels=LUNGS, protocol="The heart is included.", threshold=0.6),
        ),
        "input": WHOLE,
        "intensity": HALF,
        "flips": True,
    },
    _xrays,
)
SLICES = Toy(
    "slices",
    {
        "net": NetSpec(arguments={**TINY, "channels": 3, "classes": 3}),
        "outputs": (Output(id="chest", labels=CHEST, protocol="Three labels."),),
        "input": InputRule(size=(32, 32), neighbours=1),
        "intensity": IntensityRule("window", -1000, 200),
    },
    _volumes,
)
SCORES = Toy(
    "scores",
    {
        "net": {"kind": "toy-scores", "arguments": {"classes": 2}},
        "outputs": (Output(id="signs", task="classification", findings=("nodule", "effusion")),),
        "input": WHOLE,
        "intensity": HALF,
    },
    _xrays,
)
TOYS = (TWO, SLICES, SCORES)
SIDES = Toy(
    "ct-toy",
    {
        "net": NetSpec(arguments={**TINY, "channels": 3, "classes": 2}),
        "modalities": ("CT",),
        "outputs": (
            Output(
                id="lungs",
                labels=RIGHT_AND_LEFT,
                protocol="Both lungs.",
                swaps=RIGHT_AND_LEFT.mirrored,
            ),
        ),
        "input": InputRule(size=(32, 32), neighbours=1),
        "intensity": IntensityRule("window", -1000, 200),
    },
    _phantoms,
)
"""The two lungs in slices of CT."""


@dataclass(frozen=True)
class Room:
    """A toy on the disk: its library, its images."""

    toy: Toy
    folder: Path
    images: list[Source]

    @property
    def inputs(self) -> Path:
        return self.folder / "images"


@contextmanager
def room(toy: Toy, folder: Path) -> Iterator[Room]:
    """The toy in a library of its own, known in this process and in all that it starts."""
    images = folder / "images"
    images.mkdir()
    starts = folder / "starts"
    starts.mkdir()
    rows = "".join(f"NETS[{kind!r}] = {where!r}\n" for kind, where in _OWN_NETS.items())
    (starts / "sitecustomize.py").write_text(f"from napari_unet.nets.registry import NETS\n{rows}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_UNET_MODELS", str(folder / "models"))
        patch.setattr(sys, "path", [str(starts), *sys.path])
        for kind, where in _OWN_NETS.items():
            patch.setitem(NETS, kind, where)
        made = Room(toy, folder, toy.write(images))
        for seed, name in ((5, toy.name), (6, toy.other)):  # all labels are drawn
            _save(toy, name, seed, made)
        yield made


def _save(toy: Toy, name: str, seed: int, made: Room) -> None:
    described = card(name=name, version=str(seed), **toy.fields)
    torch.manual_seed(seed)
    net = build_net(described.net)
    raster = read_raster(made.images[0])
    seen: list[torch.Tensor] = []
    hook = net.register_forward_hook(lambda _, __, logits: seen.append(logits))
    predictor = Predictor(net.eval(), described, torch.device("cpu"))
    for _ in predictor.steps(raster, False):
        pass
    hook.remove()
    logits = torch.cat([logits.transpose(0, 1).flatten(1) for logits in seen], dim=1)
    middle, spread = logits.median(dim=1).values, logits.std(dim=1)
    with torch.no_grad():
        net.head.bias.copy_((net.head.bias - middle) / spread)
        net.head.weight /= spread[:, None, None, None]
    save_model(net.state_dict(), described, made.folder / "models" / name)
