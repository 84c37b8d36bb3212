"""What each operation of a network does with this image and these weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from torch import nn
from torch.nn import functional

from napari_unet.core.errors import UserError
from napari_unet.core.inside import Look, Panel
from napari_unet.core.network_facts import stage_words
from napari_unet.core.outline import outline
from napari_unet.inference.inside.anatomy import inner_of
from napari_unet.inference.inside.feature_maps import ranked
from napari_unet.inference.inside.network_parts import latent, padding, residual, skip, streams
from napari_unet.inference.inside.numbers import (
    as_numbers,
    best_map,
    checkerboard,
    even_corner,
    first_convolution,
    first_stage,
    is_folded,
    level_of,
    patch,
    position,
    shape_text,
    telling_corner,
    there_and_back,
    through,
)
from napari_unet.inference.inside.panels import alike_grey, grey, image_of, map_grey, marked, within
from napari_unet.inference.inside.subject import Subject
from napari_unet.nets.alexnet import AlexNet
from napari_unet.nets.stages import stages_of
from napari_unet.nets.unet import Upsample

_SHOWN = 6  # pixels of a side whose numbers are written
_NEAR = 32  # pixels of a side of what is shown enlarged

Pixel = tuple[int, int]


def look(subject: Subject, operation: str, stage: str = "", pixel: Pixel | None = None) -> Look:
    """One of OPERATIONS. stage : "" for a good example. pixel : of the (turned) image; None for one on the
    mask's border. Raises UserError for what the network does not have."""
    if operation not in OPERATIONS:
        raise UserError(f"There is no operation {operation}.", f"Choose {', '.join(OPERATIONS)}.")
    found = OPERATIONS[operation](subject, stage, pixel or border_pixel(subject))
    named = {"network": subject.predictor.card.name}
    panels = tuple(replace(panel, facts={**named, **panel.facts}) for panel in found.panels)
    return replace(found, panels=panels, facts={**named, **found.facts})


def border_pixel(subject: Subject) -> Pixel:
    """A pixel in the middle of the mask's outline; of the image where there is no mask."""
    mask = subject.prediction(subject.logits).mask()
    rim = np.argwhere(outline(mask, 1))
    if not len(rim):
        return subject.shape[0] // 2, subject.shape[1] // 2
    row, column = rim[len(rim) // 2]
    return int(row), int(column)


def convolution(subject: Subject, stage: str, pixel: Pixel) -> Look:
    """Kernel, patch, products and their sum at a pixel: of the first convolution of a stage.

    Shown are the map with the strongest answer there, and of its inputs the one that contributes most.
    Normalisation that was folded into the weights (inference.fold) is in them, and in the bias: the fact
    `folded` says whether there is any.
    """
    name = stage or first_stage(subject)
    layer = first_convolution(subject, name)
    given, made = through(subject, layer)
    y, x = position(subject, made.shape[1:], pixel)
    read = patch(layer, given, y, x)
    number = int(made[:, y, x].abs().argmax())
    per_group = layer.out_channels // layer.groups
    mine = read[number // per_group * layer.weight.shape[1] :][: layer.weight.shape[1]]
    kernel = layer.weight.detach()[number]
    sums = (kernel * mine).sum(dim=(1, 2))
    channel = int(sums.abs().argmax())
    bias = 0.0 if layer.bias is None else float(layer.bias.detach()[number])
    side = layer.weight.shape[-1]
    row, column = subject.grid_pixel(pixel)
    folded = is_folded(subject, layer)
    facts = {
        "stage": stage_words(name),
        "folded": folded,
        "inputs": len(mine),
        "side": side,
        "part": float(sums[channel]),
        "total": float(sums.sum()),
        "bias": bias,
        "sum": float(sums.sum()) + bias,
        "value": float(made[number, y, x]),
        "map": number + 1,
        "maps": layer.out_channels,
    }
    return Look(
        "convolution",
        (
            Panel("image", marked(image_of(subject), row, column, 12)),
            Panel("patch", numbers=as_numbers(mine[channel])),
            Panel("kernel_folded" if folded else "kernel", numbers=as_numbers(kernel[channel])),
            Panel("products", numbers=as_numbers(kernel[channel] * mine[channel]), facts=facts),
            Panel("map", marked(map_grey(made[number]), y, x, 12), facts=facts),
        ),
        facts,
    )


def pooling(subject: Subject, stage: str, pixel: Pixel) -> Look:
    """A map before and after max pooling: of four numbers the largest remains."""
    name = stage or first_stage(subject)
    number, before = best_map(subject, name)
    inner = inner_of(subject.net)
    if isinstance(inner, AlexNet):
        after = inner.maxima(before[None])[0]
    else:
        after = functional.max_pool2d(before[None], 2)[0]
    facts = {
        "stage": stage_words(name),
        "map": number + 1,
        "before": shape_text(before.shape),
        "after": shape_text(after.shape),
        "left": 100 * after.numel() / before.numel(),
    }
    y, x = telling_corner(before, position(subject, before.shape, pixel), _SHOWN)
    return Look(
        "pooling",
        (
            Panel("before_pooling", marked(map_grey(before), y + 3, x + 3, 12), facts=facts),
            Panel("after_pooling", marked(map_grey(after), y // 2 + 1, x // 2 + 1, 6), facts=facts),
            Panel("four_numbers", numbers=as_numbers(before[y : y + _SHOWN, x : x + _SHOWN])),
            Panel("largest", numbers=as_numbers(after[y // 2 : y // 2 + 3, x // 2 : x // 2 + 3])),
        ),
        facts,
    )


def deconvolution(subject: Subject, stage: str, pixel: Pixel) -> Look:
    """A convolution and the transposed one with the same kernel: the size is back, the values are not.

    With stride 2. The network pools in place of such a convolution, so the kernel is one of its own 2×2
    up-convolution: the one that does best on the map shown (`there_and_back`). The checkerboard is that of
    the network's own map: the spread of the means of the four positions in a 2×2 block, as a share of the
    map's (Odena et al. 2016, "Deconvolution and checkerboard artifacts", says where it comes from).
    """
    level = level_of(stage)
    stages = dict(stages_of(inner_of(subject.net)))
    found = [name for name in stages if name.endswith(f"up.{level}")]
    up = stages[found[0]] if found else None
    if not isinstance(up, Upsample) or not isinstance(up.conv, nn.ConvTranspose2d):
        raise UserError(
            "This network enlarges by interpolation and has no transposed convolution.",
            "Choose a network with transposed convolutions, such as lineage-unet-2015.",
        )
    name = found[0].replace("up.", "encoder.")
    both = ranked(subject, name, found[0])
    before = both[name].values[both[name].best]
    way = there_and_back(before, up.conv.weight.detach())
    before = before[: way.back.shape[0], : way.back.shape[1]]
    made = both[found[0]].values
    own = made[int(made.flatten(1).std(dim=1).argmax())]
    facts = {
        "stage": stage_words(name),
        "before": shape_text(before.shape),
        "convolved": shape_text(way.convolved.shape),
        "after": shape_text(way.back.shape),
        "kernels": way.kernels,
        "error": 100 * way.difference,
        "median": 100 * way.median,
        "checkerboard": 100 * checkerboard(own),
    }
    first, last = alike_grey([before, way.back])
    y, x = telling_corner(before, position(subject, before.shape, pixel), 4)
    at = position(subject, own.shape, pixel)
    top, left = even_corner(at, own.shape, min(_NEAR, *own.shape))
    middle = way.convolved[y // 2 : y // 2 + 2, x // 2 : x // 2 + 2]
    return Look(
        "deconvolution",
        (
            Panel("values_before", within(subject, first), facts=facts),
            Panel("values_convolved", within(subject, map_grey(way.convolved)), facts=facts),
            Panel("values_back", within(subject, last), facts=facts),
            Panel("numbers_before", numbers=as_numbers(before[y : y + 4, x : x + 4])),
            Panel("numbers_convolved", numbers=as_numbers(middle)),
            Panel("numbers_back", numbers=as_numbers(way.back[y : y + 4, x : x + 4])),
            Panel("up_kernel", numbers=as_numbers(way.kernel), facts=facts),
            Panel("checkerboard", grey(own[top : top + _NEAR, left : left + _NEAR]), facts=facts),
        ),
        facts,
    )


OPERATIONS: dict[str, Callable[[Subject, str, Pixel], Look]] = {
    "convolution": convolution,
    "padding": padding,
    "pooling": pooling,
    "deconvolution": deconvolution,
    "skip": skip,
    "residual": residual,
    "latent": latent,
    "streams": streams,
}
"""By name, in the order of the lecture."""
