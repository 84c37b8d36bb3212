"""Which networks there are: a row per file of this folder. Needs no torch until one is built."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

NETS = {
    "unet": ("napari_unet.nets.unet", "UNet"),
    "sliding-window": ("napari_unet.nets.ciresan", "SlidingWindow"),
}
"""Name on a card: module and class. A network takes (N, channels, Y, X) to logits (N, classes, Y', X').

It has `channels` and `classes`; `stride`, of which Y and X are multiples; `receptive_radius`, None if every
pixel depends on all; `encoder`, its first stages in order; `output_margin`, what the output loses on each
side, and where that is not 0 an `input_remainder`.
"""


def build(kind: str, arguments: dict[str, Any]) -> nn.Module:
    """A network with random weights whose output has its input's size.

    A network without padding gets mirrored borders (nets/mirrored.py). Raises ValueError or TypeError for
    networks and arguments that are unknown.
    """
    if kind not in NETS:
        raise ValueError(f"{kind!r} is none of {', '.join(NETS)}")
    module, name = NETS[kind]
    net: nn.Module = getattr(import_module(module), name)(**arguments)
    if not net.output_margin:
        return net
    from napari_unet.nets.mirrored import MirroredBorders

    return MirroredBorders(net)
