"""What can be put beside a U-Net that stays as it is, to give one more answer from the maps of both.

A design is made for a U-Net and a number of classes; `begin` gives it weights to start from; it takes the
U-Net, its maps and the logits of an earlier answer to logits of its own. `reach` : pixels by which it sees
farther than the U-Net. `reads_decoder` : whether it needs the U-Net's decoder and the earlier logits.
docs/fine-tuning.md compares them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.nets.adapted_encoder import AdaptedEncoder
from napari_unet.nets.unet import DoubleConv, Maps, UNet, Up, Upsample

_LIMIT = 4.0  # of the earlier answer's logits, where they are added to: what it is sure of can change


class LastStages(nn.Module):
    """The last `stages` of the decoder once more, and a head of its own."""

    reach, reads_decoder = 0, True

    def __init__(self, unet: UNet, classes: int, *, stages: int = 2) -> None:
        super().__init__()
        if not 1 <= stages <= unet.depth:
            raise ValueError(f"stages must be 1 to {unet.depth}, got {stages}")
        self.up = nn.ModuleList(map(_again, unet.up[:stages]))
        self.decoder = nn.ModuleList(map(_again, unet.decoder[:stages]))
        self.head = nn.Conv2d(unet.head.in_channels, classes, 1)
        self.skips = unet.skips

    def begin(self, unet: UNet) -> None:
        """The U-Net's own weights; those of the head where it has as many classes."""
        for mine, theirs in ((self.up, unet.up), (self.decoder, unet.decoder)):
            for one, other in zip(mine, theirs, strict=False):
                one.load_state_dict(other.state_dict())
        if self.head.weight.shape == unet.head.weight.shape:
            self.head.load_state_dict(unet.head.state_dict())

    def forward(self, unet: UNet, maps: Maps, logits: Tensor | None) -> Tensor:
        x = [*maps.decoder, maps.encoder[-1]][len(self.up)]
        return self.head(_decoded(self.up, self.decoder, maps, x, self.skips))  # type: ignore[no-any-return]


class HalfDecoder(nn.Module):
    """A whole decoder of half the width, which begins with the channels that count most in the U-Net's.

    They are found as in the pruning of filters (Li et al. 2017, section 3.1: by the sum of their absolute
    weights), here of the weights with which they are read.
    """

    reach, reads_decoder = 0, False

    def __init__(self, unet: UNet, classes: int) -> None:
        super().__init__()
        if not unet.depth:
            raise ValueError("a U-Net without a decoder cannot take a further answer")
        ups, stages = _ups(unet.up), _stages(unet.decoder)
        widths = [stage.conv2.out_channels for stage in stages]
        own = [max(1, width // 2) for width in widths]
        below = [*own[1:], unet.bottleneck.conv2.out_channels]
        up: Up = "interpolate" if ups[0].bilinear else "transposed"
        residual = stages[0].shortcut is not None
        self.up = nn.ModuleList(Upsample(b, a, up=up) for a, b in zip(own, below, strict=True))
        self.decoder = nn.ModuleList(
            DoubleConv(half + width * unet.skips, half, padded=True, norm=unet.norm, residual=residual)
            for width, half in zip(widths, own, strict=True)
        )
        self.head = nn.Conv2d(own[0], classes, 1)
        self.skips = unet.skips

    @torch.no_grad()
    def begin(self, unet: UNet) -> None:
        """The weights of the U-Net's channels that count most."""
        below = torch.arange(unet.bottleneck.conv2.out_channels)
        up, ups = _ups(self.up), _ups(unet.up)
        for level in reversed(range(unet.depth)):
            mine, theirs = _stages(self.decoder)[level], _stages(unet.decoder)[level]
            half = mine.conv2.out_channels
            reads = ups[level - 1].conv if level else unet.head
            skips = theirs.conv1.in_channels - theirs.conv2.out_channels
            out = _most_read(reads, half)
            middle = _most_read(theirs.conv2, half, out)
            raised = _most_read(theirs.conv1, half, middle, skips)
            inputs = torch.cat([torch.arange(skips), skips + raised])
            _copy(up[level].conv, ups[level].conv, raised, below)
            _copy(mine.conv1, theirs.conv1, middle, inputs)
            _copy(mine.norm1, theirs.norm1, middle)
            _copy(mine.conv2, theirs.conv2, out, middle)
            _copy(mine.norm2, theirs.norm2, out)
            if mine.shortcut is not None and theirs.shortcut is not None:
                _copy(mine.shortcut, theirs.shortcut, out, inputs)
            below = out
        if self.head.out_channels == unet.head.out_channels:
            _copy(self.head, unet.head, torch.arange(self.head.out_channels), below)

    def forward(self, unet: UNet, maps: Maps, logits: Tensor | None) -> Tensor:
        return self.head(  # type: ignore[no-any-return]
            _decoded(self.up, self.decoder, maps, maps.encoder[-1], self.skips)
        )


class AdaptedPath(nn.Module):
    """The encoder from its third level on through adapters, then a decoder of half the width.

    first : number of the first level with adapters.
    """

    reach, reads_decoder = 0, False

    def __init__(self, unet: UNet, classes: int, *, first: int = 2) -> None:
        super().__init__()
        self.decoder = HalfDecoder(unet, classes)
        self.encoder = AdaptedEncoder(unet, min(first, unet.depth))

    def begin(self, unet: UNet) -> None:
        """The encoder as the U-Net's; the decoder as HalfDecoder begins."""
        self.encoder.begin(unet)
        self.decoder.begin(unet)

    def forward(self, unet: UNet, maps: Maps, logits: Tensor | None) -> Tensor:
        own = Maps(self.encoder(unet, maps.encoder), [])
        return self.decoder(unet, own, None)  # type: ignore[no-any-return]

    def settle(self, unet: UNet) -> None:
        """See AdaptedEncoder."""
        self.encoder.settle(unet)


class Adapters(nn.Module):
    """A ladder of small stages beside encoder and decoder (Sung et al. 2022, ladder side-tuning).

    At each level a 1×1 convolution reads the maps of both. The result is added to the earlier answer's
    logits, and is nothing at first.
    """

    reads_decoder = True

    def __init__(self, unet: UNet, classes: int, *, width: int = 16) -> None:
        super().__init__()
        self.bottom = nn.Conv2d(unet.bottleneck.conv2.out_channels, width, 1)
        self.side = nn.ModuleList(
            nn.Conv2d(stage.conv2.out_channels + level.conv2.out_channels, width, 1)
            for stage, level in zip(_stages(unet.decoder), _stages(unet.encoder), strict=True)
        )
        self.mix = nn.ModuleList(
            DoubleConv(width, width, padded=True, norm="batch", residual=False) for _ in unet.decoder
        )
        self.head = nn.Conv2d(width, classes, 1)
        self.reach = 4 * (unet.stride - 1)

    def begin(self, unet: UNet) -> None:
        """Adds nothing to the earlier answer."""
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)

    def forward(self, unet: UNet, maps: Maps, logits: Tensor | None) -> Tensor:
        x = self.bottom(maps.encoder[-1])
        for level in reversed(range(len(self.mix))):
            x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = x + self.side[level](torch.cat([maps.encoder[level], maps.decoder[level]], dim=1))
            x = self.mix[level](x)
        assert logits is not None
        return _LIMIT * torch.tanh(logits / _LIMIT) + self.head(x)  # type: ignore[no-any-return]


DESIGNS: dict[str, Callable[..., Any]] = {
    "last-stages": LastStages,
    "half-decoder": HalfDecoder,
    "adapted-path": AdaptedPath,
    "adapters": Adapters,
}
"""By the names that cards give them."""


def _decoded(up: nn.ModuleList, decoder: nn.ModuleList, maps: Maps, x: Tensor, skips: bool) -> Tensor:
    """From the map below the last of these stages to that of the finest."""
    for level in reversed(range(len(decoder))):
        x = up[level](x)
        x = decoder[level](torch.cat([maps.encoder[level], x], dim=1) if skips else x)
    return x


def _ups(modules: nn.ModuleList) -> list[Upsample]:
    return [cast(Upsample, module) for module in modules]


def _stages(modules: nn.ModuleList) -> list[DoubleConv]:
    return [cast(DoubleConv, module) for module in modules]


def _again(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).requires_grad_(True)


def _most_read(reads: nn.Module, count: int, outputs: Tensor | None = None, first: int = 0) -> Tensor:
    """The `count` inputs, from number `first` on, that a convolution gives the largest weights, in order.

    outputs : of which outputs; None for all.
    """
    weight = _by_output(reads).abs()
    weight = (weight if outputs is None else weight[outputs])[:, first:]
    return weight.sum(dim=(0, 2, 3)).topk(count).indices.sort().values


def _by_output(module: nn.Module) -> Tensor:
    """The weights of a convolution, transposed or not, as (outputs, inputs, Y, X)."""
    weight: Tensor = module.weight  # type: ignore[assignment]
    return weight.transpose(0, 1) if isinstance(module, nn.ConvTranspose2d) else weight


def _copy(mine: nn.Module, theirs: nn.Module, outputs: Tensor, inputs: Tensor | None = None) -> None:
    """Some channels of a layer; of a normalisation `outputs`, with its statistics."""
    for (name, one), other in zip(mine.state_dict().items(), theirs.state_dict().values(), strict=True):
        if name == "weight" and inputs is not None:
            _by_output(mine).copy_(_by_output(theirs)[outputs][:, inputs])
        else:
            one.copy_(other[outputs] if other.ndim else other)
