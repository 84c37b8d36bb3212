"""Values of layers and maps at a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.core.errors import UserError
from napari_unet.core.network_facts import stage_words
from napari_unet.inference.inside.altered import stage_named
from napari_unet.inference.inside.anatomy import inner_of, step_of
from napari_unet.inference.inside.feature_maps import ranked
from napari_unet.inference.inside.subject import Subject
from napari_unet.nets.stages import stages_of


def first_stage(subject: Subject) -> str:
    """The name of the stage that sees the image itself."""
    return next(name for name, _ in stages_of(inner_of(subject.net)))


def level_of(stage: str) -> int:
    """Of a stage by its name, as in "up.2"; 0 where it has none."""
    last = stage.rpartition(".")[2]
    return int(last) if last.isdecimal() else 0


def first_convolution(subject: Subject, stage: str) -> nn.Conv2d:
    """The first convolution in a stage. Raises UserError if there is none."""
    module = stage_named(dict(stages_of(inner_of(subject.net))), stage)
    found = next((part for part in module.modules() if isinstance(part, nn.Conv2d)), None)
    if found is None:
        raise UserError(f"The stage {stage_words(stage)} has no convolution.", "Choose a stage with one.")
    return found


def through(subject: Subject, layer: nn.Module) -> tuple[Tensor, Tensor]:
    """What goes into a layer and what comes out of it, (C, y, x) each."""
    kept: list[tuple[Tensor, Tensor]] = []

    def keep(_module: nn.Module, inputs: Any, output: Tensor) -> None:
        kept.append((inputs[0][0].detach().clone(), output[0].detach().clone()))

    handle = layer.register_forward_hook(keep)
    try:
        with torch.no_grad():
            subject.net(subject.x)
    finally:
        handle.remove()
    return kept[-1]


def best_map(subject: Subject, stage: str) -> tuple[int, Tensor]:
    """Number and values (y, x) of the map of a stage that matters most for the mask."""
    found = ranked(subject, stage)[stage]
    return found.best, found.values[found.best]


def position(subject: Subject, size: tuple[int, ...], pixel: tuple[int, int]) -> tuple[int, int]:
    """The position of a map of `size` that is nearest to a pixel of the (turned) image."""
    place = subject.place(size, step_of(size, subject.whole, subject.predictor.facts.stride))
    row, column = (
        min(max(round((at - origin) / step), 0), n - 1)
        for at, origin, step, n in zip(pixel, place.origin, place.step, size, strict=True)
    )
    return row, column


def even_corner(at: tuple[int, int], size: tuple[int, ...], side: int) -> tuple[int, int]:
    """The first pixel of a block of `side` around a position: even, and inside of the map if it can be."""
    row, column = (
        max(0, min(place - side // 2, n - side)) // 2 * 2 for place, n in zip(at, size, strict=True)
    )
    return row, column


def telling_corner(values: Tensor, at: tuple[int, int], side: int) -> tuple[int, int]:
    """`even_corner` of a block of a map (y, x); where all numbers in it are equal and there is nothing to be
    seen, that of the block of the map whose numbers differ most."""
    y, x = even_corner(at, values.shape, side)
    here = values[y : y + side, x : x + side]
    if min(values.shape) < side or float(here.max()) > float(here.min()):
        return y, x
    spread = values.unfold(0, side, 2).unfold(1, side, 2).std(dim=(2, 3))
    best = int(spread.argmax())
    return 2 * (best // spread.shape[1]), 2 * (best % spread.shape[1])


def patch(layer: nn.Conv2d, given: Tensor, row: int, column: int) -> Tensor:
    """(C, k, k): what a convolution reads for one position of its output."""
    (height, width), (down, right) = layer.kernel_size, layer.dilation
    above, before = (0, 0) if isinstance(layer.padding, str) else layer.padding
    wide = functional.pad(given, (before, before, above, above))
    rows = torch.arange(height) * down + row * layer.stride[0]
    columns = torch.arange(width) * right + column * layer.stride[1]
    return wide[:, rows][:, :, columns]


def checkerboard(values: Tensor) -> float:
    """How far the means of the four positions in blocks of 2×2 are apart, as a share of the map's spread."""
    height, width = (n // 2 * 2 for n in values.shape)
    even = values[:height, :width]
    means = torch.stack([even[y::2, x::2].mean() for y in (0, 1) for x in (0, 1)])
    spread = float(even.std())
    return float(means.std(correction=0)) / spread if spread > 0 else 0.0


def as_numbers(values: Tensor) -> np.ndarray:
    """float32, for cells."""
    found: np.ndarray = values.detach().float().cpu().numpy()
    return found


def shape_text(shape: Sequence[int]) -> str:
    """The size of maps, as in "256 × 128", columns first."""
    return f"{shape[-1]} × {shape[-2]}"
