"""Tiny networks, cards, models and images for the tests of nets, models, inference and training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.core.input_check import ShapePrior, mean_shape
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.models.checkpoint import build_net, save_model
from napari_unet.models.library import ModelEntry
from napari_unet.nets.unet import UNet
from napari_unet.training.samples import Samples

torch.set_num_threads(1)

UNIT = IntensityRule("window", 0.0, 1.0)  # leaves 0..1 as it is
TINY = {"base": 2, "depth": 2, "widest": 4}


def tiny_net(seed: int = 0, **arguments: Any) -> UNet:
    """A U-Net in evaluation mode whose batch normalisation has statistics, as after training."""
    torch.manual_seed(seed)
    net = UNet(**{**TINY, **arguments})
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.3)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 2)
            nn.init.normal_(part.bias, std=0.3)
    return net.eval()


class PointNet(nn.Module):
    """A network that looks at each pixel alone: logits = function(x)."""

    axes, stride, classes, channels, output_margin = 2, 1, 1, 1, 0
    receptive_radius: int | None = 0

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class VolumeNet(nn.Module):
    """A small network of volumes: (N, 1, Z, Y, X) to logits of the same size. Each voxel sees 5 around it."""

    axes, channels, stride, receptive_radius, output_margin = 3, 1, 2, 5, 0

    def __init__(self, *, classes: int = 1, width: int = 2) -> None:
        super().__init__()
        self.classes = classes
        self.encoder = nn.ModuleList([nn.Conv3d(1, width, 3, padding=1)])
        self.bottleneck = nn.Conv3d(width, width, 3, padding=1)
        self.head = nn.Conv3d(2 * width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = torch.relu(self.encoder[0](x))
        coarse = torch.relu(self.bottleneck(functional.max_pool3d(fine, 2)))
        return self.head(torch.cat([fine, functional.interpolate(coarse, scale_factor=2.0)], dim=1))


class ScoreNet(nn.Module):
    """A small classifier: its logits are its class activation map, whose mean is the logit of a finding.

    (Zhou et al. 2016, equation 2: the last layer, 1×1 here, may come before the global average pooling.)
    """

    axes, channels, stride, receptive_radius, output_margin = 2, 1, 4, None, 0

    def __init__(self, *, classes: int = 1, width: int = 4) -> None:
        super().__init__()
        self.classes = classes
        self.encoder = nn.ModuleList([nn.Conv2d(1, width, 5, 2, 2), nn.Conv2d(width, width, 5, 2, 2)])
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = torch.relu(self.encoder[1](torch.relu(self.encoder[0](x))))
        return functional.interpolate(self.head(features), scale_factor=4.0)

    def pool(self, logits: Tensor) -> Tensor:
        return logits.mean(dim=(2, 3))


def identity_net() -> PointNet:
    """Its probability is its input."""
    return PointNet(lambda x: torch.logit(x, 1e-6))


def dark_is_lung() -> PointNet:
    """Its probability is near 1 where the input is under 0.5."""
    return PointNet(lambda x: 40 * (0.5 - x))


def in_place_of(entry: ModelEntry, net: PointNet) -> PointNet:
    """`net`, which says of itself what the model's card says of its own network."""
    assert entry.card.facts is not None
    net.stride, net.receptive_radius = entry.card.facts.stride, entry.card.facts.receptive_radius
    return net


def card(**fields: Any) -> ModelCard:
    """A card for native pixels between 0 and 1."""
    return ModelCard(**{"name": "tiny", "intensity": UNIT, "input": InputRule(), **fields})


def saved(folder: Path, seed: int = 0, **fields: Any) -> ModelEntry:
    """A tiny model on disk."""
    described = card(**{"net": NetSpec(arguments=TINY), **fields})
    torch.manual_seed(seed)
    return ModelEntry(save_model(build_net(described.net).state_dict(), described, folder), folder)


def lungs(height: int = 64, width: int = 64) -> np.ndarray:
    """bool (Y, X): two upright ellipses."""
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    return np.any([((y - 0.5) / 0.38) ** 2 + ((x - c) / 0.16) ** 2 < 1 for c in (0.27, 0.73)], axis=0)


def xray(mask: np.ndarray, seed: int = 0) -> np.ndarray:
    """float32 in 0..1: dark lungs on bright tissue, with noise."""
    noise = np.random.default_rng(seed).normal(0, 0.03, mask.shape)
    return np.clip(np.where(mask, 0.2, 0.8) + noise, 0, 1).astype(np.float32)


def xrays_to_correct(folder: Path, count: int) -> None:
    """For `simulate`: images/0.png, 1.png, ... with masks/ of the same names, and models/tiny."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    for k in range(count):
        mask = lungs(160, 128)
        Image.fromarray(np.rint(xray(mask, k) * 255).astype(np.uint8)).save(folder / "images" / f"{k}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{k}.png")
    saved(folder / "models" / "tiny", input=InputRule(size=(32, 32)))


def lung_prior() -> ShapePrior:
    """What `lungs` look like."""
    return ShapePrior(mean_shape(lungs()[None]))


def tiny_samples(count: int, side: int = 48) -> Samples:
    """`count` X-rays with their masks, in memory."""
    mask = lungs(side, side)
    images = np.stack([xray(mask, k) for k in range(count)])[:, None]
    masks = np.repeat(mask[None, None], count, axis=0).astype(np.float32)
    return Samples(images, masks, np.ones_like(masks))
