"""A network that stays as it is, and beside it parts that give one answer more."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from napari_unet.nets.answer_designs import DESIGNS
from napari_unet.nets.registry import build
from napari_unet.nets.unet import Maps, UNet

KIND = "further-answer"
"""Its name in the registry."""


class FurtherAnswer(nn.Module):
    """Logits of `base` as they would be without it, then those of `classes` more.

    base : kind and arguments, as `registry.build` takes them: a padded U-Net, or another FurtherAnswer, whose
    U-Net is shared. It learns nothing: no gradient, batch normalisation in evaluation mode. design : of the
    parts beside it, by its name in `DESIGNS`; options : of the design.
    Raises ValueError for a base that is neither, and for designs that are unknown.
    """

    axes, output_margin = 2, 0

    def __init__(
        self, *, base: dict[str, Any], classes: int = 1, design: str = "half-decoder", **options: Any
    ) -> None:
        super().__init__()
        if design not in DESIGNS:
            raise ValueError(f"{design!r} is none of {', '.join(DESIGNS)}")
        if classes < 1:
            raise ValueError("classes is too small")
        net = build(**base).requires_grad_(False)
        if not isinstance(net, UNet | FurtherAnswer):
            raise ValueError("only a U-Net with padding can take a further answer")
        self.base: UNet | FurtherAnswer = net
        self.own: nn.Module = DESIGNS[design](self.unet, classes, **options)
        self.classes: int = net.classes + classes
        self._earlier = slice(max(0, net.classes - classes), net.classes)
        self.train(self.training)

    @property
    def unet(self) -> UNet:
        """The one that all answers share."""
        return self.base if isinstance(self.base, UNet) else self.base.unet

    @property
    def channels(self) -> int:
        """Of the input."""
        return self.unet.channels

    @property
    def stride(self) -> int:
        """As of the U-Net."""
        return self.unet.stride

    @property
    def receptive_radius(self) -> int | None:
        """Of the answer that sees farthest."""
        base, shared = self.base.receptive_radius, self.unet.receptive_radius
        if base is None or shared is None:
            return None
        return max(base, shared + int(self.own.reach))  # type: ignore[arg-type]

    @property
    def encoder(self) -> nn.ModuleList:
        """The levels of the U-Net."""
        return self.unet.encoder

    @property
    def bottleneck(self) -> nn.Module:
        """The deepest level of the U-Net."""
        return self.unet.bottleneck

    def train(self, mode: bool = True) -> FurtherAnswer:
        """Only what is beside the base is ever in training mode."""
        super().train(mode)
        self.base.eval()
        return self

    def begin(self, weights: dict[str, Tensor]) -> None:
        """Takes the weights of a trained base, and begins the new answer with its last one."""
        self.base.load_state_dict(weights)
        if isinstance(self.base, FurtherAnswer) and _alike(self.own, self.base.own):
            self.own.load_state_dict(self.base.own.state_dict())
        else:
            self.own.begin(self.unet)  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        return self.answer(self.maps(x))

    def maps(self, x: Tensor) -> Maps:
        """As of the U-Net."""
        return self.unet.maps(x)

    def answer(self, maps: Maps) -> Tensor:
        """All logits, the earlier answers' first."""
        before = self.base.answer(maps)
        return torch.cat([before, self.own(self.unet, maps, before[:, self._earlier])], dim=1)

    def last(self, x: Tensor) -> Tensor:
        """The logits of the last answer alone, as `forward` gives them, without work for the others."""
        if self.own.reads_decoder:
            return self(x)[:, self.base.classes :]  # type: ignore[no-any-return]
        return self.own(self.unet, Maps(self.unet.encoded(x), []), None)  # type: ignore[no-any-return]


def settled(net: nn.Module) -> nn.Module:
    """The same function without adapters, whose work is in the weights then: for inference alone, a copy."""
    net = copy.deepcopy(net)
    for part in reversed(list(net.modules())):
        if isinstance(part, FurtherAnswer) and hasattr(part.own, "settle"):
            part.own.settle(part.unet)  # type: ignore[operator]
    return net


def _alike(one: nn.Module, other: nn.Module) -> bool:
    """Whether the weights of one fit the other."""
    shapes = ({key: value.shape for key, value in part.state_dict().items()} for part in (one, other))
    return next(shapes) == next(shapes)
