"""U-Net (Ronneberger, Fischer, Brox 2015, arXiv:1505.04597) with the choices that later years added."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

Norm = Literal["batch", "instance", "none"]
Up = Literal["transposed", "interpolate"]
Block = Literal["plain", "residual"]


class Maps(NamedTuple):
    """What a U-Net has computed of an image before its head, the finest level first.

    encoder : of each level, and of the bottleneck as the last. decoder : of each level.
    """

    encoder: list[Tensor]
    decoder: list[Tensor]


class DoubleConv(nn.Module):
    """Two 3×3 convolutions with normalisation and ReLU (2015, section 2), on request a shortcut (He 2016).

    (N, C_in, Y, X) → (N, C_out, Y, X), or four pixels smaller per axis without padding.
    """

    def __init__(self, inputs: int, outputs: int, *, padded: bool, norm: Norm, residual: bool) -> None:
        super().__init__()
        bias = norm == "none"
        pad = 1 if padded else 0
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=pad, bias=bias)
        self.norm1 = normalisation(norm, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=pad, bias=bias)
        self.norm2 = normalisation(norm, outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.norm1(self.conv1(x)), inplace=True)
        y = self.norm2(self.conv2(y))
        if self.shortcut is not None:
            y = y + centre_crop(self.shortcut(x), y)
        return functional.relu(y, inplace=True)


class Upsample(nn.Module):
    """Doubles the resolution and halves the channels: 2×2 transposed convolution (2015) or bilinear + 1×1."""

    def __init__(self, inputs: int, outputs: int, *, up: Up) -> None:
        super().__init__()
        self.bilinear = up == "interpolate"
        self.conv = (
            nn.Conv2d(inputs, outputs, 1) if self.bilinear else nn.ConvTranspose2d(inputs, outputs, 2, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.bilinear:
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return x


class UNet(nn.Module):
    """Encoder, bottleneck, decoder and the skip connections between them.

    base : channels of the first level; each of the `depth` poolings doubles them up to `widest`.
    skips : False omits the skip connections: an encoder and a decoder, nothing beside the bottleneck.
    classes : logits per pixel. channels : of the input. padded : False is the network of 2015, whose output
    is smaller than its input (`output_margin` pixels on each side).
    Input (N, channels, Y, X) float; with padding Y and X must be multiples of `stride`. Output: logits
    (N, classes, Y', X').
    Raises ValueError for sizes that the poolings do not divide, and for arguments it does not know.
    """

    axes = 2

    def __init__(
        self,
        *,
        base: int = 64,
        depth: int = 4,
        classes: int = 1,
        channels: int = 1,
        widest: int = 1024,
        padded: bool = True,
        norm: Norm = "batch",
        up: Up = "transposed",
        block: Block = "plain",
        dropout: float = 0.0,
        skips: bool = True,
    ) -> None:
        super().__init__()
        _check(base=base, classes=classes, channels=channels, widest=widest, depth=depth + 1)
        for value, kind in ((norm, Norm), (up, Up), (block, Block)):
            if value not in get_args(kind):
                raise ValueError(f"{value!r} is none of {', '.join(get_args(kind))}")
        widths = [min(base * 2**level, widest) for level in range(depth + 1)]
        residual = block == "residual"

        def double(inputs: int, outputs: int) -> DoubleConv:
            return DoubleConv(inputs, outputs, padded=padded, norm=norm, residual=residual)

        self.depth, self.padded, self.norm, self.skips = depth, padded, norm, skips
        self.channels, self.classes = channels, classes
        self.encoder = nn.ModuleList(double(a, b) for a, b in pairwise([channels, *widths[:-1]]))
        self.bottleneck = double(widths[-2] if depth else channels, widths[-1])
        self.dropout = nn.Dropout2d(dropout)
        self.up = nn.ModuleList(Upsample(b, a, up=up) for a, b in pairwise(widths))
        self.decoder = nn.ModuleList(double((2 if skips else 1) * width, width) for width in widths[:-1])
        self.head = nn.Conv2d(widths[0], classes, 1)
        self._initialise()

    @property
    def stride(self) -> int:
        """Pixels of the input per pixel of the bottleneck."""
        return int(2**self.depth)

    @property
    def output_margin(self) -> int:
        """Pixels lost on each side without padding (92 for depth 4, as in the paper's 572 → 388); else 0."""
        if self.padded:
            return 0
        return 2 * self.stride + 4 * (self.stride - 1)

    @property
    def input_remainder(self) -> int:
        """A side of the input is a multiple of `stride` and this much more: 572 = 35 · 16 + 12; padded: 0."""
        return 0 if self.padded else -4 % self.stride

    @property
    def receptive_radius(self) -> int | None:
        """No input pixel farther than this from an output pixel affects it; None: all pixels do."""
        if self.norm == "instance":
            return None
        convolutions = 2 * self.stride + 4 * (self.stride - 1)
        interpolation = 2 * (self.stride - 1) if self.up and self.up[0].bilinear else 0
        return convolutions + interpolation + self.stride - 1

    def forward(self, x: Tensor) -> Tensor:
        return self.answer(self.maps(x))

    @property
    def levels(self) -> list[nn.Module]:
        """Of the encoder, the finest first, and the bottleneck as the last."""
        return [*self.encoder, self.bottleneck]

    def maps(self, x: Tensor) -> Maps:
        """All that `answer` and whatever else shares this network needs."""
        encoder = self.encoded(x)
        x, decoder = encoder[-1], []
        skips = reversed(encoder[:-1])
        for up, level, skip in zip(reversed(self.up), reversed(self.decoder), skips, strict=True):
            x = up(x)
            x = level(torch.cat([centre_crop(skip, x), x], dim=1) if self.skips else x)
            decoder.append(x)
        return Maps(encoder, decoder[::-1])

    def encoded(self, x: Tensor) -> list[Tensor]:
        """What `Maps.encoder` is."""
        encoder = []
        for level in self.encoder:
            x = level(x)
            encoder.append(x)
            x = halved(x)
        return [*encoder, self.dropout(self.bottleneck(x))]

    def answer(self, maps: Maps) -> Tensor:
        """The logits."""
        return self.head(maps.decoder[0] if maps.decoder else maps.encoder[-1])  # type: ignore[no-any-return]

    def _initialise(self) -> None:
        """Weights of variance 2 / fan-in (2015, section 3; He 2015)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


def halved(x: Tensor) -> Tensor:
    """A feature map of half the size (2015, section 2: max pooling). Raises ValueError for odd ones."""
    if x.shape[-2] % 2 or x.shape[-1] % 2:
        raise ValueError(f"a feature map of {tuple(x.shape[-2:])} pixels cannot be halved")
    return functional.max_pool2d(x, 2)


def centre_crop(x: Tensor, like: Tensor) -> Tensor:
    """The middle of `x` with the height and width of `like` ("copy and crop", 2015, figure 1)."""
    top, left = ((x.shape[axis] - like.shape[axis]) // 2 for axis in (-2, -1))
    return x[..., top : top + like.shape[-2], left : left + like.shape[-1]]


def _check(**counts: int) -> None:
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} is too small")


def normalisation(kind: Norm, channels: int) -> nn.Module:
    """As each convolution is followed by."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    return nn.Identity()
