"""AlexNet, the network of 2012 that says in one word what a picture shows."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MAPS = (96, 256, 384, 384, 256)
"""Kernels of the five convolutions as published."""

CONNECTED = 4096
"""Neurons of each of the two hidden layers as published."""

SIDE = 227
"""Pixels of a side of its image."""

GREY = 0.5
"""What is subtracted from images, which are 0 to 1."""


class AlexNet(nn.Module):
    """Five convolutions and three connected layers (Krizhevsky 2012, section 3.5 and figure 2).

    Convolutions 2, 4 and 5 are in two groups, as the two graphics cards of 2012 had them; responses are
    normalised after convolutions 1 and 2 (section 3.3), and 3×3 maxima are taken in steps of 2, so that they
    overlap (section 3.4). The paper says 224×224 for the image; only 227 gives its 55×55 maps. Counted, its
    layers have 290,400, 186,624, 64,896, 64,896, 43,264, 4096, 4096 and 1000 neurons. For the first the paper
    prints 253,440, which is 55 · 48 · 96: its own maps are 55×55, and 55 · 55 · 96 = 290,400. The others
    agree.

    What differs from the paper: images are 0 to 1 and lose `GREY`, as the paper's lose the mean of its
    training images; and weights begin with a variance of 2 / N, N the inputs of a neuron (He 2015). With the
    paper's standard deviation of 0.01, whatever N is, nothing of the image reaches the end of a network of a
    twelfth of the width, and it learns nothing.

    Input (N, channels, 227, 227), logits (N, classes, 227, 227). The connected layers do not know places: an
    image has one logit per class, which is that of every pixel. A larger image is cut into squares of 227
    pixels, each with a logit of its own; `pool` takes their mean.
    """

    axes, stride, receptive_radius, output_margin = 2, SIDE, None, 0

    def __init__(
        self, *, classes: int = 1000, channels: int = 3, width: float = 1.0, dropout: float = 0.5
    ) -> None:
        """width : share of the published kernels and neurons. dropout : of the hidden
        neurons of both connected layers (section 4.2).

        Raises ValueError for a width that leaves a layer no kernels.
        """
        super().__init__()
        if classes < 1 or channels < 1:
            raise ValueError(f"classes and channels must be at least 1, got {classes} and {channels}")
        if not 0 < width <= 1 or min(MAPS) * width < 2:
            raise ValueError(f"the width must leave every layer two kernels, got {width}")
        self.classes, self.channels = classes, channels
        one, two, three, four, five = (2 * max(1, round(maps * width / 2)) for maps in MAPS)
        hidden = max(1, round(CONNECTED * width))
        self.encoder = nn.ModuleList(
            [
                nn.Conv2d(channels, one, 11, stride=4),
                nn.Conv2d(one, two, 5, padding=2, groups=2),
                nn.Conv2d(two, three, 3, padding=1),
                nn.Conv2d(three, four, 3, padding=1, groups=2),
                nn.Conv2d(four, five, 3, padding=1, groups=2),
            ]
        )
        # Krizhevsky 2012, section 3.3: k 2, n 5, alpha 1e-4, beta 0.75; torch divides its alpha by n.
        self.normalise = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
        self.maxima = nn.MaxPool2d(3, stride=2)
        self.connected = nn.Sequential(
            nn.Flatten(),
            nn.Linear(five * 6 * 6, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.output = nn.Linear(hidden, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    @property
    def bottleneck(self) -> nn.Module:
        """The last convolution."""
        return self.encoder[-1]

    def forward(self, x: Tensor) -> Tensor:
        images, channels, height, width = x.shape
        rows, columns = height // SIDE, width // SIDE
        x = x.reshape(images, channels, rows, SIDE, columns, SIDE).permute(0, 2, 4, 1, 3, 5).flatten(0, 2)
        x = x - GREY
        for number, convolution in enumerate(self.encoder, start=1):
            x = torch.relu(convolution(x))
            if number <= 2:
                x = self.normalise(x)
            if number in (1, 2, 5):
                x = self.maxima(x)
        logits: Tensor = self.output(self.connected(x))
        squares = logits.reshape(images, rows, columns, self.classes).permute(0, 3, 1, 2)
        return squares.repeat_interleave(SIDE, dim=2).repeat_interleave(SIDE, dim=3)

    def pool(self, logits: Tensor) -> Tensor:
        """(N, classes): the mean of the squares' logits."""
        return logits[..., ::SIDE, ::SIDE].mean(dim=(2, 3))
