"""What the parts of a network do with this image: padding, skips, shortcuts, the depth, two streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_unet.core.errors import UserError
from napari_unet.core.inside import Alteration, Look, Panel
from napari_unet.core.network_facts import stage_words
from napari_unet.inference.inside.altered import altered_mask
from napari_unet.inference.inside.anatomy import inner_of, skips_of
from napari_unet.inference.inside.feature_maps import feature_maps, ranked, shown_maps
from napari_unet.inference.inside.numbers import level_of, shape_text
from napari_unet.inference.inside.panels import (
    alike_grey,
    grey,
    image_of,
    map_grey,
    montage,
    outlined,
    within,
)
from napari_unet.inference.inside.subject import Subject
from napari_unet.nets.alexnet import AlexNet
from napari_unet.nets.stages import stages_of
from napari_unet.nets.unet import DoubleConv, UNet

_BESIDE = 8  # maps of a stream that are shown

Pixel = tuple[int, int]


def padding(subject: Subject, stage: str, pixel: Pixel) -> Look:
    """The mask with and without padding, and what remains of the size without it and without a mirror."""
    inner = inner_of(subject.net)
    if not isinstance(inner, UNet):
        raise UserError("The padding of this network cannot be switched.", "Choose a U-Net.")
    other = altered_mask(subject, Alteration(padding=not inner.padded))
    lost = 2 * inner.stride + 4 * (inner.stride - 1)
    height, width = subject.x.shape[-2:]
    facts = {
        "padded": inner.padded,
        "before": f"{width} × {height}",
        "after": f"{max(0, width - 2 * lost)} × {max(0, height - 2 * lost)}",
        "lost": lost,
        "dice": other.dice,
        "distance": other.distance,
        "unit": other.unit,
    }
    masks = (other.unaltered, other.labels) if inner.padded else (other.labels, other.unaltered)
    kept: tuple[Panel, ...] = ()
    if min(height, width) > 2 * lost:
        frame = np.zeros(subject.shape, np.uint8)
        rows, columns = (
            slice(int(part.start + lost * scale), int(part.stop - lost * scale))
            for part, scale in zip(subject.box, subject.pixels_per_grid(), strict=True)
        )
        frame[rows, columns] = 1
        kept = (Panel("kept", outlined(subject, frame), facts=facts),)
    return Look(
        "padding",
        (
            Panel("with_padding", outlined(subject, masks[0]), facts=facts),
            Panel("without_padding", outlined(subject, masks[1]), facts=facts),
            *kept,
        ),
        facts,
    )


def skip(subject: Subject, stage: str, pixel: Pixel) -> Look:
    """What a skip connection brings, and the mask without it and without all of them."""
    levels = sorted({level for level, _, _ in skips_of(inner_of(subject.net))})
    level = level_of(stage)
    if level not in levels:
        raise UserError(f"The network has no skip connection at level {level}.", "Choose a U-Net.")
    stages = [name for name, _ in stages_of(inner_of(subject.net))]
    encoder, up = (
        next(name for name in stages if name.endswith(f"{part}.{level}")) for part in ("encoder", "up")
    )
    fine, coarse = ranked(subject, encoder, up).values()
    one = altered_mask(subject, Alteration(cut=frozenset({level})))
    every = altered_mask(subject, Alteration(cut=frozenset(levels)))
    facts = {
        "level": level + 1,
        "dice": one.dice,
        "distance": one.distance,
        "dice_all": every.dice,
        "distance_all": every.distance,
        "unit": one.unit,
        "skips": len(levels),
    }
    return Look(
        "skip",
        (
            Panel("from_encoder", within(subject, map_grey(fine.values[fine.best]))),
            Panel("from_below", within(subject, map_grey(coarse.values[coarse.best]))),
            Panel("with_skips", outlined(subject, one.unaltered)),
            Panel("without_skip", outlined(subject, one.labels, one.unaltered), facts=facts),
            Panel("without_skips", outlined(subject, every.labels, every.unaltered), facts=facts),
        ),
        facts,
    )


def residual(subject: Subject, stage: str, pixel: Pixel) -> Look:
    """x, F(x) and their sum in a residual block (He et al. 2016, "Deep residual learning", figure 2)."""
    modules = dict(stages_of(inner_of(subject.net)))
    blocks = [
        name for name, part in modules.items() if isinstance(part, DoubleConv) and part.shortcut is not None
    ]
    name = stage or next(iter(blocks[1:] or blocks), "")
    if name not in blocks:
        raise UserError(
            f"The {'stage ' + stage_words(stage) if stage else 'network'} has no residual block.",
            "Choose a network with residual blocks, such as lineage-residual.",
        )
    block: Any = modules[name]
    kept: dict[str, Tensor] = {}

    def keep(what: str) -> Callable[..., None]:
        return lambda _m, _i, out: kept.update({what: out[0].detach().clone()})

    parts = {"x": block.shortcut, "f": block.norm2, "sum": block}
    handles = [module.register_forward_hook(keep(what)) for what, module in parts.items()]
    try:
        with torch.no_grad():
            subject.net(subject.x)
    finally:
        for handle in handles:
            handle.remove()
    number = ranked(subject, name)[name].best
    shown = {what: values[number] for what, values in kept.items()}
    greys = dict(zip(shown, alike_grey(list(shown.values())), strict=True))
    sizes = {what: float(values.norm()) for what, values in shown.items()}
    facts = {
        "stage": stage_words(name),
        "map": number + 1,
        "ratio": sizes["f"] / sizes["x"] if sizes["x"] > 0 else float("nan"),
    }
    return Look(
        "residual",
        (
            Panel("x", within(subject, greys["x"]), facts=facts),
            Panel("f", within(subject, greys["f"]), facts=facts),
            Panel("sum", within(subject, greys["sum"]), facts=facts),
        ),
        facts,
    )


def latent(subject: Subject, stage: str, pixel: Pixel) -> Look:
    """The way into the depth: the best map of each stage of the encoder, and how many numbers remain."""
    names = [name for name, _ in stages_of(inner_of(subject.net))]
    down = [name for name in names if ".decoder." not in name and "encoder." in name]
    down += [name for name in names if name.endswith("bottleneck")]
    maps = ranked(subject, *down)
    found = [shown_maps(subject, name, maps[name], 1) for name in down]
    last = found[-1]
    numbers = last.count * last.maps.shape[1] * last.maps.shape[2]
    given = subject.x.shape[1] * subject.grid[0] * subject.grid[1]
    facts = {
        "given": given,
        "numbers": numbers,
        "maps": last.count,
        "size": shape_text(last.maps.shape),
        "share": 100 * numbers / given,
    }
    panels = [
        Panel(
            "level",
            within(subject, map_grey(maps[one.stage].values[maps[one.stage].best])),
            facts={
                "stage": stage_words(one.stage),
                "maps": one.count,
                "size": f"{one.maps.shape[2]} × {one.maps.shape[1]}",
            },
        )
        for one in found
    ]
    return Look("latent", (Panel("image", image_of(subject)), *panels), facts)


def streams(subject: Subject, stage: str, pixel: Pixel) -> Look:
    """The two streams of AlexNet: kernels of the first convolution, and maps of the second in its groups."""
    inner = inner_of(subject.net)
    if not isinstance(inner, AlexNet):
        raise UserError("This network has one stream.", "Choose AlexNet: lineage-alexnet.")
    first: Any = inner.encoder[0]
    kernels = [grey(one.mean(dim=0)) for one in first.weight]
    found = feature_maps(subject, "encoder.1", inner.encoder[1].out_channels)  # type: ignore[arg-type]
    by_number = dict(zip(found.order, found.maps, strict=True))
    half, half_first = found.count // 2, len(kernels) // 2
    weights = dict(zip(found.order, found.weights, strict=True))
    parts = [sum(weights[k] for k in group) for group in (range(half), range(half, found.count))]
    ranked = [
        [k for k in found.order if k in group][:_BESIDE] for group in (range(half), range(half, found.count))
    ]
    facts = {
        "maps": half,
        "share": 100 * parts[0] / sum(parts) if sum(parts) > 0 else float("nan"),
        "first": half_first,
        "shown": min(_BESIDE, half),
    }
    return Look(
        "streams",
        (
            Panel("kernels_one", montage(kernels[:half_first]), facts=facts),
            Panel("stream_one", montage([by_number[k] for k in ranked[0]]), facts=facts),
            Panel("kernels_two", montage(kernels[half_first:]), facts=facts),
            Panel("stream_two", montage([by_number[k] for k in ranked[1]]), facts=facts),
        ),
        facts,
    )
