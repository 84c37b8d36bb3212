"""The networks that are measured, and the model that `napari_unet.segment` finds."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

from benchmarks.images import unit_xray
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.inference.fold import folded
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.models.checkpoint import load_model, save_model
from napari_unet.models.folder import CARD_FILE
from napari_unet.models.library import default_library
from napari_unet.nets.unet import UNet
from napari_unet.resources_path import resource

SHIPPED = "cxr-lung"
_SHIPPED_NET = {"base": 16, "depth": 5, "widest": 112, "up": "interpolate"}
_WIDE_NET = {"base": 32, "depth": 4}
_QUICK_NET = {"base": 4, "depth": 2}


@dataclass(frozen=True)
class Subject:
    """A network in evaluation mode and what to call it in a table."""

    title: str
    net: UNet


def subject(name: str) -> Subject:
    """By name: "shipped", "wide" or "quick". Without the shipped model: its network with random weights."""
    if name == "shipped" and is_shipped():
        net = load_model(default_library().find(SHIPPED))
        assert isinstance(net, UNet)
        return Subject(f"U-Net of {SHIPPED} ({net.encoder[0].conv1.out_channels} channels)", net)
    arguments = {"shipped": _SHIPPED_NET, "wide": _WIDE_NET, "quick": _QUICK_NET}[name]
    title = f"U-Net, {arguments['base']} channels, depth {arguments['depth']}, random weights"
    return Subject(title, _random(arguments))


def native_card() -> ModelCard:
    """Of a model that takes images at their own size, with values in 0..1 as they are."""
    return ModelCard(name="benchmark", intensity=IntensityRule("window", 0.0, 1.0))


def fast_net(net: nn.Module) -> nn.Module:
    """The form that `Predictor` makes of a network: normalisation folded, channels_last."""
    fast = folded(net)
    return fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def fast_forward(net: nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    """(Y, X) → probability (C, Y, X) by `fast_net`."""
    fast = fast_net(net)

    @torch.inference_mode()
    def predict(part: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(np.ascontiguousarray(part))[None, None]
        return np.asarray(torch.sigmoid(fast(x.to(memory_format=torch.channels_last)))[0].numpy())

    return predict


def is_shipped() -> bool:
    """Whether the package has its model."""
    return (resource("models", SHIPPED) / CARD_FILE).is_file()


@contextmanager
def model_at_hand() -> Iterator[str]:
    """`segment` finds the shipped model, or a stand-in of the same shape, and nothing else; yields its title.

    Child processes find the same.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(os.environ, {"NAPARI_UNET_MODELS": folder}),
    ):
        if is_shipped():
            yield SHIPPED
            return
        spec = NetSpec(arguments=_SHIPPED_NET)
        card = ModelCard(name=SHIPPED, net=spec, input=InputRule(size=(256, 256)), flips=True)
        save_model(_random(_SHIPPED_NET).state_dict(), card, Path(folder) / SHIPPED)
        yield f"{SHIPPED}'s network with random weights"


def _random(arguments: dict[str, object]) -> UNet:
    """Random weights, always the same; the normalisation has seen an X-ray, so that no layer is dead."""
    torch.manual_seed(0)
    net = UNet(**arguments)  # type: ignore[arg-type]
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        net.train()(torch.from_numpy(unit_xray(256))[None, None])
    return net.eval()
