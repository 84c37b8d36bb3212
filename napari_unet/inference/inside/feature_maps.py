"""The feature maps of a stage, sorted by how much they matter for the mask of this image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from napari_unet.core.errors import UserError
from napari_unet.core.inside import Alteration, FeatureMaps
from napari_unet.core.network_facts import stage_words
from napari_unet.inference.inside.altered import AS_IT_IS, altered, stage_named
from napari_unet.inference.inside.anatomy import inner_of, step_of
from napari_unet.inference.inside.subject import Subject
from napari_unet.nets.stages import stages_of

_MOST_BYTES = 2**26  # of all maps together


class Ranked(NamedTuple):
    """A stage on one image: values (C, y, x), and how much each map matters, (C,)."""

    values: Tensor
    weights: Tensor

    @property
    def best(self) -> int:
        """The number of the map that matters most."""
        return int(self.weights.argmax())


def feature_maps(subject: Subject, stage: str, most: int, alteration: Alteration = AS_IT_IS) -> FeatureMaps:
    """The maps of a stage, the one first that matters most for the mask here; see `ranked`.

    alteration : of the network; its padding stays as it is.
    """
    made_by = replace(alteration, padding=None)
    with altered(subject.net, made_by):
        found = ranked(subject, stage)[stage]
    return replace(shown_maps(subject, stage, found, most), alteration=made_by)


def ranked(subject: Subject, *stages: str) -> dict[str, Ranked]:
    """The maps of stages, and how much each matters for the mask here.

    That is |Σ A · ∂L/∂A| over the positions of a map A: to first order the change of L if the map is silenced
    (Molchanov et al. 2017, "Pruning convolutional neural networks for resource efficient inference",
    equation 8, for one image). L is the sum of the logits in the mask (Vinogradova et al. 2020, "Towards
    interpretable semantic segmentation via gradient-weighted class activation mapping", equation 2), over the
    image where the mask is empty; of a classification the logits of its findings. The mirrored view, if the
    model has one, does not count. One pass there and back for all stages; what comes before the first of them
    is not kept for it.
    Raises UserError for stages without maps.
    """
    modules = dict(stages_of(inner_of(subject.net)))
    kept: dict[str, Tensor] = {}

    def hook(name: str, _module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        kept[name] = output if output.requires_grad else output.detach().requires_grad_(True)
        return kept[name]

    handles = [stage_named(modules, name).register_forward_hook(partial(hook, name)) for name in stages]
    try:
        with frozen(subject.net), torch.enable_grad():
            found = goal(subject, subject.net(subject.x))
            inputs = [kept[name] for name in stages]
            gradients = torch.autograd.grad(found, inputs, materialize_grads=True)
    finally:
        for handle in handles:
            handle.remove()
    return {
        name: _ranked(name, kept[name].detach(), gradient)
        for name, gradient in zip(stages, gradients, strict=True)
    }


def _ranked(stage: str, values: Tensor, gradient: Tensor) -> Ranked:
    if values.ndim != 4 or max(values.shape[2:]) == 1:
        raise UserError(
            f"The stage {stage_words(stage)} has numbers and no maps.", "Choose a stage before it."
        )
    return Ranked(values[0], (values * gradient).sum(dim=(0, 2, 3)).abs())


def shown_maps(subject: Subject, stage: str, found: Ranked, most: int) -> FeatureMaps:
    """The `most` maps that matter most, as bytes and in their place."""
    values = found.values.cpu().numpy()
    size = (values.shape[1], values.shape[2])
    count = max(1, min(most, len(values), _MOST_BYTES // (size[0] * size[1])))
    order = torch.argsort(found.weights, descending=True, stable=True)[:count].tolist()
    low, high = values.min(axis=(1, 2)), values.max(axis=(1, 2))
    span = np.where(high > low, high - low, 1)
    return FeatureMaps(
        stage,
        np.stack([_in_bytes(values[k], low[k], span[k]) for k in order]),
        np.stack([low[order], high[order]], axis=1).astype(np.float32),
        tuple(order),
        tuple(float(found.weights[k]) for k in order),
        len(values),
        subject.place(size, step_of(size, subject.whole, subject.predictor.network.facts.stride)),
    )


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


def _in_bytes(values: np.ndarray, low: float, span: float) -> np.ndarray:
    return np.rint((values - low) * (255 / span)).astype(np.uint8)
