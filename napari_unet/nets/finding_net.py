"""A small network that scores findings, and whose scores are the pooling of a map."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.nets.unet import DoubleConv, Norm, halved

_PLACES = 12  # rows and columns of `usual`


class FindingNet(nn.Module):
    """The encoder of a U-Net, and one linear layer on all of its levels: a logit per finding and cell.

    What a level has found is averaged, and its maximum taken, within each cell; these numbers are what `head`
    weighs, each on such a scale that its mean over an image varies by 1 from one training image to the next:
    so the same weight decay is right for all of them. With few
    images to learn from, such a layer on the encoder of a network that draws lungs beats a network of which
    more learns (benchmarks.finding.compare).

    base, depth, widest : of the encoder, as in UNet, so that one can begin with the weights of a U-Net. The
    level at full resolution is not weighed. Levels of which no parameter learns keep their statistics, too.
    sharpness : r of the pooling. `pool` takes the log-mean-exp of the cells (Pinheiro and Collobert 2015,
    equation 4): 0 is their mean, a large r their maximum. Either way the logits before it are the network's
    own class activation map (Zhou 2016): a cell that is raised raises the score.
    `usual` is the mean map of normal images, which is taken off each map: otherwise heart and diaphragm would
    be hot in all of them; `spread` is the standard deviation of what is left, which becomes 1. Both leave the
    mean of the cells as it is.
    Input (N, channels, Y, X), multiples of `stride`. Logits (N, classes, Y, X), the same in each cell of
    `cell` pixels. Raises ValueError for arguments that it cannot be built with.
    """

    axes, receptive_radius, output_margin = 2, None, 0
    usual: Tensor
    spread: Tensor

    def __init__(
        self,
        *,
        classes: int = 1,
        channels: int = 1,
        base: int = 16,
        depth: int = 5,
        widest: int = 112,
        sharpness: float = 0.0,
        norm: Norm = "batch",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if min(classes, channels, base, widest) < 1 or depth < 2:
            raise ValueError("classes, channels, base and widest are at least 1, depth at least 2")
        if sharpness < 0:
            raise ValueError(f"sharpness must not be negative, got {sharpness}")
        widths = [min(base * 2**level, widest) for level in range(depth + 1)]
        self.classes, self.channels, self.depth, self.sharpness = classes, channels, depth, sharpness
        levels = [
            DoubleConv(a, b, padded=True, norm=norm, residual=False) for a, b in pairwise([channels, *widths])
        ]
        self.encoder, self.bottleneck = nn.ModuleList(levels[:-1]), levels[-1]
        seen = 2 * sum(widths[1:-2]) + sum(widths[-2:])
        self.norm = nn.BatchNorm1d(seen, affine=False)  # its running statistics are used, nothing else
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(seen, classes, 1)
        self.register_buffer("usual", torch.zeros(classes, _PLACES, _PLACES))
        self.register_buffer("spread", torch.ones(classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.zeros_(self.head.weight)

    @property
    def stride(self) -> int:
        """Pixels of the input per pixel of the bottleneck."""
        return int(2**self.depth)

    @property
    def cell(self) -> int:
        """Pixels of the input per side of a cell of the map."""
        return int(2 ** (self.depth - 1))

    def train(self, mode: bool = True) -> FindingNet:
        """As of any module; levels of which no parameter learns stay in evaluation mode."""
        super().train(mode)
        for level in (*self.encoder, self.bottleneck):
            if not any(parameter.requires_grad for parameter in level.parameters()):
                level.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        cells = self.cells(x)
        return cells.repeat_interleave(self.cell, dim=2).repeat_interleave(self.cell, dim=3)

    def cells(self, x: Tensor) -> Tensor:
        """(N, classes, Y / cell, X / cell): a logit of each cell, as far as it differs from what is usual."""
        found = self.head(self.dropout(self.features(x)))
        usual = functional.interpolate(self.usual[None], size=found.shape[2:], mode="bilinear")
        mean = found.mean(dim=(2, 3), keepdim=True)
        away = found - mean - (usual - usual.mean(dim=(2, 3), keepdim=True))
        return mean + away / self.spread[:, None, None]  # type: ignore[no-any-return]

    def features(self, x: Tensor) -> Tensor:
        """(N, features, Y / cell, X / cell): what `head` weighs."""
        found = []
        for number, level in enumerate(self.encoder):
            x = level(x if number == 0 else halved(x))
            if number:
                side = 2 ** (self.depth - 1 - number)
                found += [functional.avg_pool2d(x, side), functional.max_pool2d(x, side)] if side > 1 else [x]
        deep = functional.interpolate(self.bottleneck(halved(x)), scale_factor=2.0, mode="nearest")
        seen = torch.cat([*found, deep], dim=1).float()
        if self.training and len(seen) > 1:  # one image does not vary
            self.norm(seen.mean(dim=(2, 3)))
        mean, variance = self.norm.running_mean, self.norm.running_var
        return (seen - mean[:, None, None]) * (variance[:, None, None] + self.norm.eps).rsqrt()  # type: ignore[index]

    def pool(self, logits: Tensor) -> Tensor:
        """(N, classes) of logits (N, classes, Y, X): each cell counts once."""
        return self.pooled(logits[..., :: self.cell, :: self.cell])

    def pooled(self, cells: Tensor) -> Tensor:
        """(N, classes) of cells (N, classes, y, x)."""
        flat = cells.float().flatten(2)
        if not self.sharpness:
            return flat.mean(dim=2)
        count = torch.tensor(float(flat.shape[2]), device=flat.device)
        return (torch.logsumexp(self.sharpness * flat, dim=2) - count.log()) / self.sharpness
