"""Deeper levels of a U-Net's encoder seen through adapters, without a second copy of their weights."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.nets.unet import DoubleConv, Norm, UNet, halved, normalisation


class AdaptedLevel(nn.Module):
    """What a level of a U-Net becomes with an adapter beside each convolution, and normalisations of its own.

    The adapters are 1×1 convolutions in parallel to the 3×3 ones (Rebuffi, Bilen, Vedaldi 2018,
    arXiv:1803.10082, section 3.1); they add to the middle of each kernel, so `settled` makes one convolution
    of both. The weights of the level itself are not part of this module.
    """

    def __init__(self, level: DoubleConv, norm: Norm) -> None:
        super().__init__()
        self.adapter1, self.adapter2 = (_adapter(conv) for conv in (level.conv1, level.conv2))
        width = level.conv2.out_channels
        self.norm1, self.norm2 = (normalisation(norm, width) for _ in range(2))

    @torch.no_grad()
    def begin(self, level: DoubleConv) -> None:
        """As the level is."""
        for adapter in (self.adapter1, self.adapter2):
            nn.init.zeros_(adapter.weight)
        self.norm1.load_state_dict(level.norm1.state_dict())
        self.norm2.load_state_dict(level.norm2.state_dict())

    def forward(self, level: DoubleConv, x: Tensor) -> Tensor:
        y = functional.relu(self.norm1(_beside(level.conv1, self.adapter1, x)), inplace=True)
        y = self.norm2(_beside(level.conv2, self.adapter2, y))
        if level.shortcut is not None:
            y = y + level.shortcut(x)
        return functional.relu(y, inplace=True)

    @torch.no_grad()
    def settled(self, level: DoubleConv) -> DoubleConv:
        """A level with weights of its own that does the same."""
        made = copy.deepcopy(level)
        made.norm1, made.norm2 = copy.deepcopy(self.norm1), copy.deepcopy(self.norm2)
        for conv, adapter in ((made.conv1, self.adapter1), (made.conv2, self.adapter2)):
            conv.weight.copy_(_sum(conv, adapter))
        return made


class AdaptedEncoder(nn.Module):
    """The levels of a U-Net's encoder from number `first` on, its bottleneck too, each with adapters.

    Raises ValueError if nothing comes before `first`, or nothing from there on.
    """

    def __init__(self, unet: UNet, first: int) -> None:
        super().__init__()
        if not 1 <= first <= unet.depth:
            raise ValueError(f"first must be 1 to {unet.depth}, got {first}")
        self.first = first
        self.levels = nn.ModuleList(AdaptedLevel(level, unet.norm) for level in _from(unet, first))

    def begin(self, unet: UNet) -> None:
        """As the U-Net's own levels."""
        for mine, level in zip(self.levels, _from(unet, self.first), strict=True):
            cast(AdaptedLevel, mine).begin(level)

    def forward(self, unet: UNet, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps of all levels, from the U-Net's own (as `UNet.encoded` gives them): those before are kept."""
        found = list(maps[: self.first])
        for mine, level in zip(self.levels, _from(unet, self.first), strict=True):
            x = halved(found[-1])
            found.append(mine(x) if isinstance(mine, DoubleConv) else mine(level, x))
        return found

    def settle(self, unet: UNet) -> None:
        """From now on each level has weights of its own: faster, and the U-Net's may be folded. For good."""
        levels = zip(self.levels, _from(unet, self.first), strict=True)
        self.levels = nn.ModuleList(cast(AdaptedLevel, mine).settled(level) for mine, level in levels)


def _from(unet: UNet, first: int) -> list[DoubleConv]:
    return [cast(DoubleConv, level) for level in unet.levels[first:]]


def _adapter(conv: nn.Conv2d) -> nn.Conv2d:
    return nn.Conv2d(conv.in_channels, conv.out_channels, 1, bias=False)


def _beside(conv: nn.Conv2d, adapter: nn.Conv2d, x: Tensor) -> Tensor:
    return functional.conv2d(x, _sum(conv, adapter), conv.bias, padding=1)


def _sum(conv: nn.Conv2d, adapter: nn.Conv2d) -> Tensor:
    return conv.weight + functional.pad(adapter.weight, (1, 1, 1, 1))
