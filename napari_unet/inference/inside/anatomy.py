"""What can be asked of a network: its stages, skip connections, shortcuts and padding."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor, log2

from torch import nn

from napari_unet.core.inside import Anatomy
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import bare_net, drawn_size
from napari_unet.nets.mirrored import MirroredBorders
from napari_unet.nets.registry import facts_of, layers_of
from napari_unet.nets.stages import drawing, stages_of
from napari_unet.nets.unet import DoubleConv, UNet, Upsample


def anatomy(card: ModelCard, size: tuple[int, ...] | None = None) -> Anatomy:
    """The anatomy of a card's network. size : of its input; None takes the card's, or about 512 pixels.

    Raises UserError as `build_net` does.
    """
    net = bare_net(card.net)
    inner = inner_of(net)
    ups = next((parts for parts in _decoders(inner)), None)
    return Anatomy(
        drawing(net, size or drawn_size(card, facts_of(net))),
        skips=tuple(sorted({level for level, _, _ in skips_of(inner)})),
        up=() if ups is None else tuple(_way_up(part) for part in ups[0]),
        residual=tuple(
            name
            for name, part in stages_of(inner)
            if isinstance(part, DoubleConv) and part.shortcut is not None
        ),
        padded=inner.padded if isinstance(inner, UNet) else None,
        kinds=tuple(kind for kind, _ in layers_of(card.net.kind, card.net.arguments)),
    )


def inner_of(net: nn.Module) -> nn.Module:
    """The network without the mirrored borders around it."""
    return net.net if isinstance(net, MirroredBorders) else net


def step_of(size: tuple[int, ...], whole: tuple[int, ...], stride: int) -> int:
    """How many pixels of the input one of a map of `size` is from the next. whole : size of the input."""
    deepest = floor(log2(stride)) if stride > 0 else 0
    return int(2 ** min(deepest, max(0, floor(log2(max(whole) / max(size))))))


def skips_of(inner: nn.Module) -> Iterator[tuple[int, nn.Module, int]]:
    """(level, stage of a decoder, channels that its skip connection brings), the skip's channels first."""
    for ups, stages in _decoders(inner):
        for level, (up, stage) in enumerate(zip(ups, stages, strict=False)):
            if isinstance(stage, DoubleConv) and isinstance(up, Upsample):
                beside = stage.conv1.in_channels - up.conv.out_channels
                if beside > 0:
                    yield level, stage, beside


def _decoders(inner: nn.Module) -> Iterator[tuple[nn.ModuleList, nn.ModuleList]]:
    """Of each decoder in a network what enlarges, and its stages, the finest level first."""
    for part in inner.modules():
        up, stages = getattr(part, "up", None), getattr(part, "decoder", None)
        if isinstance(up, nn.ModuleList) and isinstance(stages, nn.ModuleList) and len(up):
            yield up, stages


def _way_up(part: nn.Module) -> str:
    return "interpolation" if getattr(part, "bilinear", False) else "transposed"
