"""The sliding window of 2012: a classifier of the pixel in its middle, and the same for all pixels at once.

Cireşan, Giusti, Gambardella, Schmidhuber, "Deep Neural Networks Segment Neuronal Membranes in Electron
Microscopy Images", NIPS 2012. Omitted: foveation and non-uniform sampling of the window.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

KERNELS = {95: (4, 5, 4, 4), 65: (4, 4, 5)}
"""Side of the window: side of the kernel of each convolution; a 2×2 max-pooling follows each.

95 is the paper's largest network, N4 (table 1). Of its smaller ones, with a window of 65, the paper gives no
table: this one is ours, made so that every pooling divides its map.
"""


class SlidingWindow(nn.Module):
    """A window around a pixel to two numbers; the difference is the pixel's logit.

    window : 95 or 65, its side in pixels. maps : of each convolution. hidden : of the fully connected layer.
    Two outputs and softmax, as in the paper, are the sigmoid of their difference. The activation is a scaled
    hyperbolic tangent, that of the authors' earlier networks: the paper names none.
    Input (N, 1, Y, X), logits (N, 1, Y - window + 1, X - window + 1). Raises ValueError for other windows.
    """

    stride, input_remainder = 1, 0
    axes, channels, classes = 2, 1, 1

    def __init__(self, *, window: int = 95, maps: int = 48, hidden: int = 200) -> None:
        super().__init__()
        if window not in KERNELS:
            raise ValueError(f"a window of {window} is none of {', '.join(map(str, KERNELS))}")
        if maps < 1 or hidden < 1:
            raise ValueError("maps and hidden must be at least 1")
        kernels, inputs, side = KERNELS[window], 1, window
        self.window = window
        self.encoder = nn.ModuleList()
        for level, kernel in enumerate(kernels):
            self.encoder.append(nn.Conv2d(inputs, maps, kernel, dilation=2**level))
            inputs, side = maps, (side - kernel + 1) // 2
        # fully connected: it sees all that is left of the window
        self.hidden = nn.Conv2d(maps, hidden, side, dilation=2 ** len(kernels))
        self.output = nn.Conv2d(hidden, 2, 1)
        for module in (*self.encoder, self.hidden, self.output):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)

    @property
    def output_margin(self) -> int:
        """Pixels on each side that no window has in its middle."""
        return self.window // 2

    @property
    def receptive_radius(self) -> int:
        """Half a window."""
        return self.window // 2

    def forward(self, x: Tensor) -> Tensor:
        """Every window of an image at once: each pooling moves on by one pixel, what follows is dilated.

        Equal to the network of 2012 on each window. (The max-pooling fragments of Giusti et al. 2013, by
        dilation.)
        """
        for level, convolution in enumerate(self.encoder):
            x = functional.max_pool2d(activation(convolution(x)), 2, stride=1, dilation=2**level)
        return self.logit(activation(self.hidden(x)))

    def logit(self, x: Tensor) -> Tensor:
        """The difference of the two numbers that stand for a window, from the hidden layer's."""
        other, wanted = self.output(x).split(1, dim=1)
        return wanted - other  # type: ignore[no-any-return]


def activation(x: Tensor) -> Tensor:
    """Scaled hyperbolic tangent (LeCun et al. 1998, "Efficient BackProp", section 4.4).

    In inference mode it takes the place of `x`: for all pixels at once, copies take a third of the time.
    """
    if torch.is_inference_mode_enabled():
        return x.mul_(2 / 3).tanh_().mul_(1.7159)
    return 1.7159 * torch.tanh(x * (2 / 3))
