"""The U-Net as it was published in 2015, with nothing that later years added."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.nets.unet import UNet, halved

GREY, DEVIATION = 0.5, 0.25
"""Of images that are 0 to 1, roughly: their mean and standard deviation."""


class UNet2015(UNet):
    """Four poolings, two 3×3 convolutions without padding at each level (Ronneberger 2015, figure 1).

    What is copied beside the bottleneck is cropped, then concatenated; 2×2 up-convolutions halve the
    channels; no normalisation; weights of variance 2 / N, with N the incoming nodes of a neuron (section 3).
    Of an input of 572×572 pixels it classifies 388×388.

    base : channels of the first level, 64 as published (31.0 million parameters); each pooling doubles them.
    classes : logits per pixel. The paper's two classes and softmax are the sigmoid of one logit, which is
    their difference. channels : of the input. dropout : of single numbers "at the end of the contracting
    path" (section 3.1): of the maps of its last two levels, one of which is copied too, as in the network
    that the authors released (u-net-release-2015-10-02). Raises ValueError as `UNet` does.
    """

    def __init__(self, *, base: int = 64, classes: int = 1, channels: int = 1, dropout: float = 0.5) -> None:
        super().__init__(
            base=base,
            depth=4,
            classes=classes,
            channels=channels,
            widest=16 * base,
            padded=False,
            norm="none",
        )
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be at least 0 and less than 1, got {dropout}")
        self.share = dropout

    def encoded(self, x: Tensor) -> list[Tensor]:
        """See `UNet.encoded`."""
        maps: list[Tensor] = []
        for number, level in enumerate(self.levels):
            x = level(halved(maps[-1]) if maps else x)
            late = number >= self.depth - 1
            maps.append(functional.dropout(x, self.share, training=self.training and late))
        return maps

    def _initialise(self) -> None:
        """Steps of an up-convolution do not overlap: a neuron has the channels of one pixel before it.

        Images are 0 to 1, and a variance of 2 / N is for numbers of mean 0 and variance 1: the first layer
        begins as if it were given such numbers. Without normalisation later layers cannot make up for it.
        """
        super()._initialise()
        first = next(module for module in self.levels[0].modules() if isinstance(module, nn.Conv2d))
        with torch.no_grad():
            first.weight *= 1 / DEVIATION
            first.bias = nn.Parameter(-GREY * first.weight.sum(dim=(1, 2, 3)))
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=(2 / module.in_channels) ** 0.5)
