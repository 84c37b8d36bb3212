"""A network that is altered for the length of a `with` block, by hooks that are taken away again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from napari_unet.core.errors import UserError
from napari_unet.core.inside import Alteration, AlteredMask
from napari_unet.core.metrics import scores
from napari_unet.inference.inside.anatomy import inner_of, skips_of
from napari_unet.inference.inside.subject import Subject
from napari_unet.nets.mirrored import mirrored
from napari_unet.nets.stages import stages_of
from napari_unet.nets.unet import DoubleConv, UNet

AS_IT_IS = Alteration()


@contextmanager
def altered(net: nn.Module, alteration: Alteration) -> Iterator[nn.Module]:
    """Gives the altered network; afterwards `net` is as it was, whatever happened.

    Raises UserError for stages, maps and connections that the network does not have.
    """
    inner = inner_of(net)
    stages = dict(stages_of(inner))
    with ExitStack() as stack:
        for level in alteration.cut:
            found = [(stage, count) for at, stage, count in skips_of(inner) if at == level]
            if not found:
                raise UserError(f"The network has no skip connection at level {level}.", "Choose another.")
            for stage, count in found:
                stack.callback(stage.register_forward_pre_hook(partial(_without_skip, count)).remove)
        for name in alteration.silenced:
            module = stage_named(stages, name)
            stack.callback(module.register_forward_hook(lambda _m, _i, out: torch.zeros_like(out)).remove)
        for name, number in alteration.silenced_maps:
            module = stage_named(stages, name)
            stack.callback(module.register_forward_hook(partial(_without_map, number)).remove)
        yield net if alteration.padding is None else stack.enter_context(_padded(net, alteration.padding))


def stage_named(stages: dict[str, nn.Module], name: str) -> nn.Module:
    """One of the stages. Raises UserError if there is none of that name."""
    if name not in stages:
        raise UserError(f"The network has no stage {name}.", f"Its stages: {', '.join(stages)}.")
    return stages[name]


def _without_skip(channels: int, _module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    x = inputs[0].clone()
    x[:, :channels] = 0
    return (x,)


def _without_map(number: int, _module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
    if not 0 <= number < output.shape[1]:
        raise UserError(
            f"The stage has no map {number + 1}.", f"Choose one of its maps, 1 to {output.shape[1]}."
        )
    output = output.clone()
    output[:, number] = 0
    return output


@contextmanager
def _padded(net: nn.Module, on: bool) -> Iterator[nn.Module]:
    """The network whose 3×3 convolutions are padded with zeros, or mirror the image's border instead."""
    inner = inner_of(net)
    if not isinstance(inner, UNet):
        raise UserError("The padding of this network cannot be switched.", "Choose a U-Net.")
    convolutions = [
        convolution
        for part in inner.modules()
        if isinstance(part, DoubleConv)
        for convolution in (part.conv1, part.conv2)
    ]
    before = [(convolution, convolution.padding) for convolution in convolutions]
    was = inner.padded
    try:
        inner.padded = on
        for convolution in convolutions:
            convolution.padding = (1, 1) if on else (0, 0)
        yield _Aligned(inner) if on != was else net
    finally:
        inner.padded = was
        for convolution, padding in before:
            convolution.padding = padding


class _Aligned(nn.Module):
    """A U-Net whose padding was switched, with borders so that it pools the same blocks as before.

    Without padding, the blocks of 2^(k+1) pixels that are pooled at level k begin at 2^(k+2) - 2 - b, with b
    mirrored pixels before the image; with padding, at multiples of their side from the first pixel on. So b
    is chosen, and the padded network begins some mirrored pixels before the image: what is left of the
    difference is that of the border.
    """

    def __init__(self, net: UNet) -> None:
        super().__init__()
        self._net, self._margin = net, net.output_margin
        stride = net.stride
        if net.padded:
            self._before = (stride - 2) % stride
            self._first = self._before
        else:
            self._first = (-2 - self._margin) % stride
            self._before = self._margin + self._first

    def forward(self, x: Tensor) -> Tensor:
        net, shape = self._net, x.shape[2:]
        for axis in (2, 3):
            least = x.shape[axis] + self._before + self._margin
            after = self._margin + (net.input_remainder - least) % net.stride
            x = mirrored(x, axis, self._before, after)
        rows, columns = (slice(self._first, self._first + n) for n in shape)
        return net(x)[:, :, rows, columns]  # type: ignore[no-any-return]


@torch.inference_mode()
def logits_of(subject: Subject, alteration: Alteration = AS_IT_IS) -> Tensor:
    """The logits of the altered network for all views of the image, float32."""
    with altered(subject.net, alteration) as net:
        found: Tensor = net(subject.views())
    return found.float()


def altered_mask(subject: Subject, alteration: Alteration) -> AlteredMask:
    """The mask of the altered network beside that of the network as it is; distances are `assd`."""
    unaltered = subject.prediction(subject.logits).labels()
    begun = time.perf_counter()
    found = subject.prediction(logits_of(subject, alteration))
    seconds = time.perf_counter() - begun
    labels = found.labels()
    agreement = scores(labels > 0, unaltered > 0, subject.spacing)
    empty = not labels.any() and not unaltered.any()
    return AlteredMask(
        alteration,
        labels,
        unaltered,
        dice=1.0 if empty else agreement.dice,
        distance=agreement.assd,
        unit=agreement.unit,
        scores=dict(found.scores),
        seconds=seconds,
    )
