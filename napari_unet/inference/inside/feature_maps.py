"""The feature maps of a stage, sorted by how much they matter for the mask of this image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from napari_unet.core.errors import UserError
from napari_unet.core.inside import FeatureMaps
from napari_unet.inference.inside.altered import stage_named
from napari_unet.inference.inside.anatomy import inner_of, step_of
from napari_unet.inference.inside.subject import Subject
from napari_unet.nets.stages import stages_of

_MOST_BYTES = 2**26  # of all maps together


def feature_maps(subject: Subject, stage: str, most: int) -> FeatureMaps:
    """The maps of a stage, and how much each matters for the mask here.

    That is |Σ A · ∂L/∂A| over the positions of a map A: to first order the change of L if the map is silenced
    (Molchanov et al. 2017, "Pruning convolutional neural networks for resource efficient inference",
    equation 8, for one image). L is the sum of the logits in the mask (Vinogradova et al. 2020, "Towards
    interpretable semantic segmentation via gradient-weighted class activation mapping", equation 2), over the
    image where the mask is empty; of a classification the logits of its findings. The mirrored view, if the
    model has one, does not count.
    Raises UserError for stages without maps.
    """
    values, gradient = _values_and_gradient(subject, stage)
    if values.ndim != 4 or max(values.shape[2:]) == 1:
        raise UserError(f"The stage {stage} has numbers and no maps.", "Choose a stage before it.")
    weights = (values * gradient).sum(dim=(0, 2, 3)).abs()
    found = values[0].cpu().numpy()
    _, height, width = found.shape
    count = max(1, min(most, len(found), _MOST_BYTES // (height * width)))
    order = torch.argsort(weights, descending=True, stable=True)[:count].tolist()
    step = step_of((height, width), subject.whole, subject.predictor.facts.stride)
    low, high = found.min(axis=(1, 2)), found.max(axis=(1, 2))
    span = np.where(high > low, high - low, 1)
    maps = np.stack([_in_bytes(found[k], low[k], span[k]) for k in order])
    return FeatureMaps(
        stage,
        maps,
        np.stack([low[order], high[order]], axis=1).astype(np.float32),
        tuple(order),
        tuple(float(weights[k]) for k in order),
        len(found),
        subject.place((height, width), step),
    )


def values_of(subject: Subject, *stages: str) -> dict[str, Tensor]:
    """What these stages give for the image: (C, y, x) each, or (C,)."""
    modules, found = dict(stages_of(inner_of(subject.net))), {}

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            found[name] = output[0].detach().clone()

        return hook

    handles = [stage_named(modules, name).register_forward_hook(keep(name)) for name in stages]
    try:
        with torch.no_grad():
            subject.net(subject.x)
    finally:
        for handle in handles:
            handle.remove()
    return found


def goal(subject: Subject, logits: Tensor) -> Tensor:
    """L of `feature_maps`: one number."""
    channels = subject.predictor.card.channels_of(subject.output)
    if subject.output.task == "classification":
        return subject.net.pool(logits)[0, channels].sum()  # type: ignore[operator, no-any-return]
    wanted = logits[0, channels, : subject.grid[0], : subject.grid[1]]
    likeliest = wanted.detach().argmax(dim=0, keepdim=True)
    best = wanted.gather(0, likeliest)[0]
    inside = torch.sigmoid(best.detach()) >= subject.output.threshold
    return best[inside].sum() if inside.any() else best.sum()


@contextmanager
def frozen(net: nn.Module) -> Iterator[None]:
    """No gradient of the weights is computed: it would need memory and nobody asks for it."""
    wanted = [parameter for parameter in net.parameters() if parameter.requires_grad]
    for parameter in wanted:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in wanted:
            parameter.requires_grad_(True)


def _values_and_gradient(subject: Subject, stage: str) -> tuple[Tensor, Tensor]:
    """Of a stage its output and the gradient of `goal`; only what comes after it is kept for that."""
    module = stage_named(dict(stages_of(inner_of(subject.net))), stage)
    kept: list[Tensor] = []

    def begin_here(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        kept.append(output.detach().requires_grad_(True))
        return kept[-1]

    handle = module.register_forward_hook(begin_here)
    try:
        with frozen(subject.net), torch.enable_grad():
            (gradient,) = torch.autograd.grad(goal(subject, subject.net(subject.x)), kept[-1])
    finally:
        handle.remove()
    return kept[-1].detach(), gradient


def _in_bytes(values: np.ndarray, low: float, span: float) -> np.ndarray:
    return np.rint((values - low) * (255 / span)).astype(np.uint8)
