"""A network without padding as one whose output has its input's size: the borders are mirrored."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MirroredBorders(nn.Module):
    """Extrapolates the image by mirroring it, so that a network without padding predicts all of its pixels.

    That is the overlap-tile strategy at the image's border (Ronneberger 2015, section 2 and figure 2); at
    inner seams a tile reads real pixels (core/tiling.py). Input (N, C, *axes) of any size that is a multiple
    of `stride`, logits (N, classes, *axes).
    """

    output_margin = 0

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.axes: int = net.axes  # type: ignore[assignment]
        self.stride: int = net.stride  # type: ignore[assignment]
        self.receptive_radius: int | None = net.receptive_radius  # type: ignore[assignment]
        self.channels: int = net.channels  # type: ignore[assignment]
        self.classes: int = net.classes  # type: ignore[assignment]
        self.before: int = net.output_margin  # type: ignore[assignment]
        remainder: int = net.input_remainder  # type: ignore[assignment]
        self.after = self.before + (remainder - 2 * self.before) % self.stride

    @property
    def encoder(self) -> nn.ModuleList:
        """The levels of the network inside."""
        return self.net.encoder  # type: ignore[return-value]

    @property
    def bottleneck(self) -> nn.Module:
        """The deepest level of the network inside."""
        return self.net.bottleneck  # type: ignore[return-value]

    def forward(self, x: Tensor) -> Tensor:
        found = self.net(self.with_border(x))
        return found[:, :, *(slice(0, n) for n in x.shape[2:])]  # type: ignore[no-any-return]

    def with_border(self, x: Tensor) -> Tensor:
        """What the network inside gets of an input."""
        for axis in range(2, x.ndim):
            x = mirrored(x, axis, self.before, self.after)
        return x


def mirrored(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    """`x` with more pixels on an axis, mirrored at the first and the last one; again where it is short."""
    length = x.shape[axis]
    turn = max(2 * (length - 1), 1)
    at = torch.arange(-before, length + after, device=x.device) % turn
    return x.index_select(axis, torch.minimum(at, turn - at) if length > 1 else torch.zeros_like(at))
