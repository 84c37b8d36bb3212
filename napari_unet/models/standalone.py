"""A network as one function from grey to probability: what files for other programs hold."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import ModelEntry


class Standalone(nn.Module):
    """Network, mirrored prediction and sigmoid in one, as `Predictor` does it.

    Input float32 (N, 1, Y, X), grey by the card's IntensityRule; output probability (N, classes, Y, X).
    """

    def __init__(self, net: nn.Module, flips: bool, mirrored: list[int]) -> None:
        super().__init__()
        self.net = net
        self.flips = flips
        self.mirrored = mirrored
        self.stride: int = net.stride  # type: ignore[assignment]

    def forward(self, x: Tensor) -> Tensor:
        p = torch.sigmoid(self.net(x))
        if self.flips:
            p = (p + torch.sigmoid(self.net(x.flip(-1))).flip(-1)[:, self.mirrored]) / 2
        return p


def standalone(entry: ModelEntry) -> Standalone:
    """The model in evaluation mode on the CPU. Raises UserError as `load_model` does."""
    card = entry.card
    return Standalone(load_model(entry), card.flips, card.mirrored_channels).eval().requires_grad_(False)
