"""What a network is made of: its stages in order, with their sizes, parameters and receptive fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from napari_unet.core.network_facts import NetworkDrawing, Stage
from napari_unet.nets.mirrored import MirroredBorders
from napari_unet.nets.receptive_field import Dependence
from napari_unet.nets.registry import facts_of


def drawing(net: nn.Module, size: tuple[int, ...]) -> NetworkDrawing:
    """The stages of a network for an input of `size`, in the order in which they run.

    A stage is a module with parameters: one that the network keeps in a list (a level of an encoder), or one
    that holds no such list.

    net : as `registry.build` makes it on torch's device "meta"; its weights are not needed. size : (Y, X) or
    (Z, Y, X), multiples of its stride; a network without padding is drawn with the mirrored border that it
    is given.
    """
    before, after = (net.before, net.after) if isinstance(net, MirroredBorders) else (0, 0)
    inner = net.net if isinstance(net, MirroredBorders) else net
    whole = tuple(n + before + after for n in size)
    modules = dict(stages_of(inner))
    counter = FlopCounterMode(display=False)
    shapes: dict[str, tuple[int, ...]] = {}
    _run(inner, modules, _image(inner, whole), counter, lambda name, out: shapes.update({name: out.shape}))
    fields: dict[str, int | None] = {}
    wide = _image(inner, (*whole[:-1], _wide_enough(inner, whole[-1])))
    dependence = Dependence(wide)
    _run(inner, modules, wide, dependence, lambda name, out: fields.update({name: dependence.field(out)}))
    ones = (1,) * len(size)
    return NetworkDrawing(
        input_size=whole,
        stages=tuple(
            Stage(name, tuple(shape[2:]) or ones, shape[1], parameters_of(modules[name]), fields[name])
            for name, shape in shapes.items()
        ),
        parameters=parameters_of(inner),
        multiply_adds=counter.get_total_flops() // 2,
    )


def _run(
    net: nn.Module,
    modules: dict[str, nn.Module],
    image: Tensor,
    context: AbstractContextManager[Any],
    note: Callable[[str, Tensor], object],
) -> None:
    """One image through the network; `note` gets name and output of each stage, in their order."""

    def hook(name: str, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        note(name, output)

    with ExitStack() as stack:
        for name, module in modules.items():
            stack.callback(module.register_forward_hook(partial(hook, name)).remove)
        stack.enter_context(torch.no_grad())
        stack.enter_context(context)
        net.eval()(image)


def _image(net: nn.Module, size: tuple[int, ...]) -> Tensor:
    return torch.empty((1, facts_of(net).channels, *size), device="meta")


def _wide_enough(net: nn.Module, width: int) -> int:
    """A width at which no receptive field is cut off; the given one where every pixel sees all."""
    facts = facts_of(net)
    if facts.receptive_radius is None:
        return width
    return width + -(-4 * facts.receptive_radius // facts.stride) * facts.stride


def stages_of(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The stages in a module, as `drawing` counts them, by their names in it."""
    for name, child in module.named_children():
        if any(isinstance(part, nn.ModuleList) for part in child.modules()):
            yield from stages_of(child, f"{prefix}{name}.")
        elif parameters_of(child):
            yield f"{prefix}{name}", child


def parameters_of(module: nn.Module) -> int:
    """How many numbers it has learned."""
    return sum(parameter.numel() for parameter in module.parameters())
