"""Values of layers and maps at a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

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
from napari_unet.models.card import NetSpec
from napari_unet.models.checkpoint import bare_net
from napari_unet.nets.stages import stages_of


class ThereAndBack(NamedTuple):
    """A map, convolved with stride 2 and brought back to its size by the transposed convolution.

    kernel : (2, 2), its squares add up to 1. convolved, back : (y, x). difference : ‖back - map‖ / ‖map‖.
    median : of the differences that all `kernels` of the layer leave.
    """

    kernel: Tensor
    convolved: Tensor
    back: Tensor
    difference: float
    median: float
    kernels: int


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
    place = subject.place(size, step_of(size, subject.whole, subject.predictor.network.facts.stride))
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


def is_folded(subject: Subject, layer: nn.Module) -> bool:
    """Whether batch normalisation is multiplied into the weights and the bias of a layer (inference.fold)."""
    name = next(name for name, part in inner_of(subject.net).named_modules() if part is layer)
    return name in _normalised(subject.predictor.card.net.model_dump_json())


@lru_cache(maxsize=16)
def _normalised(spec: str) -> frozenset[str]:
    """Names of the convolutions that batch normalisation follows in the stored network. spec : a NetSpec."""
    net = inner_of(bare_net(NetSpec.model_validate_json(spec)))
    norms = (name for name, part in net.named_modules() if isinstance(part, nn.BatchNorm2d))
    return frozenset(name.replace("norm", "conv") for name in norms)


def there_and_back(values: Tensor, weights: Tensor) -> ThereAndBack:
    """A map (y, x) convolved with stride 2, then the transposed convolution with the same kernel.

    weights : (inputs, outputs, 2, 2) of an up-convolution: one kernel each. Taken is the one that brings the
    map back best. Kernels are scaled so that their squares add up to 1: each block of 2×2 values then comes
    back as its projection on the kernel, and no other scale comes nearer.
    """
    height, width = (n // 2 * 2 for n in values.shape)
    values = values[:height, :width]
    kernels = functional.normalize(weights.flatten(0, 1).flatten(1), dim=1)
    blocks = values.unfold(0, 2, 2).unfold(1, 2, 2).reshape(-1, 4).double()
    kept = ((kernels.double() @ (blocks.T @ blocks)) * kernels).sum(dim=1) / blocks.square().sum()
    left = (1 - kept).clamp(min=0).sqrt()  # difference that each kernel leaves
    best = int(kept.nan_to_num().argmax())
    kernel = kernels[best].reshape(1, 1, 2, 2)
    convolved = functional.conv2d(values[None, None], kernel, stride=2)
    back = functional.conv_transpose2d(convolved, kernel, stride=2)
    return ThereAndBack(
        kernel[0, 0], convolved[0, 0], back[0, 0], float(left[best]), float(left.median()), len(kernels)
    )


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
