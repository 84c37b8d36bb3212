"""Which networks there are: a row per file of this folder. Needs no torch until one is built."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from napari_unet.core.network_facts import NetworkFacts

if TYPE_CHECKING:
    from torch import nn

NETS = {
    "unet": ("napari_unet.nets.unet", "UNet"),
    "unet-2015": ("napari_unet.nets.unet_2015", "UNet2015"),
    "sliding-window": ("napari_unet.nets.ciresan", "SlidingWindow"),
    "alexnet": ("napari_unet.nets.alexnet", "AlexNet"),
    "finding": ("napari_unet.nets.finding_net", "FindingNet"),
    "further-answer": ("napari_unet.nets.further_answer", "FurtherAnswer"),
}
"""Name on a card: module and class. A network takes (N, channels, *axes) to logits (N, classes, *axes).

It has `axes`, 2 or 3, `channels` and `classes`; `stride`, of which every side is a multiple;
`receptive_radius`, None if every pixel depends on all; `encoder`, its first stages in order; `output_margin`,
what the output loses on each side, and where that is not 0 an `input_remainder`. One that classifies has
`pool` too, from its logits to (N, classes): its own pooling, so that the logits are its class activation map;
and `cell`, the pixels per side of a cell of that map, where it has cells.
"""

UNTOUCHED = {"further-answer": "base."}
"""With what the names of the weights begin that no training changes, for networks that have such."""

_UNET = {
    "text": "Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation",
    "doi": "10.1007/978-3-319-24574-4_28",
}
PAPERS = {"unet": _UNET, "unet-2015": _UNET}
"""What an export cites, for networks whose paper has a DOI."""


def layers_of(kind: str, arguments: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(kind, arguments) of a network, then of the one that it is beside, and so on."""
    while True:
        yield kind, arguments
        base = arguments.get("base")
        if not isinstance(base, dict) or not isinstance(base.get("arguments"), dict):
            return
        kind, arguments = str(base.get("kind", "")), base["arguments"]


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


def facts_of(net: nn.Module) -> NetworkFacts:
    """What a card says of a network that `build` made."""
    return NetworkFacts(
        axes=cast(int, net.axes),
        channels=cast(int, net.channels),
        stride=cast(int, net.stride),
        receptive_radius=cast("int | None", net.receptive_radius),
        output_margin=cast(int, getattr(net, "before", net.output_margin)),
        cell=cast("int | None", getattr(net, "cell", None)),
    )
