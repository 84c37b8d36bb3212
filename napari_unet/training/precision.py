"""In which precision a network can be trained here."""

from __future__ import annotations

from torch import nn

FLOAT32 = "float32"
_FARTHEST = 2  # dilation that is known to work


def step_precision(net: nn.Module, wanted: str, device: str) -> str:
    """The precision of a network's steps: `wanted`, or float32 where its gradients would end the process.

    On processors with AVX-512 and bfloat16, the gradient of a convolution in bfloat16 whose dilation is 4 or
    more reads memory that is not its own (torch 2.13, oneDNN 3.12). Which processors are
    concerned, nobody can ask torch; so it is not tried on any.
    """
    dilations = [max(one.dilation) for one in net.modules() if isinstance(one, nn.Conv2d | nn.Conv3d)]
    on_processor = device.partition(":")[0] == "cpu"
    return FLOAT32 if on_processor and max(dilations, default=1) > _FARTHEST else wanted
