"""Ways to learn from a few cases of another hospital, and what each of them forgets."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.adapt_sets import NEW, OLD, cases, draw
from benchmarks.result import Column, NotMeasured, Result, mean_and_each
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import default_library
from napari_unet.models.replay_set import read_replay_set
from napari_unet.training.adapt import adapt
from napari_unet.training.adapt_config import PRESETS, AdaptConfig
from napari_unet.training.augment_config import AugmentConfig
from napari_unet.training.learner import Penalty, mean_dice
from napari_unet.training.samples import Samples, from_replay_set, labelled

_COLUMNS = (
    Column("method"),
    Column("Dice, new hospital"),
    Column("each draw"),
    Column("change of Dice, old hospital"),
    Column("each draw"),
)
_QUICK = PRESETS["quick"].for_images(8)


@dataclass(frozen=True)
class Method:
    """One way. penalty : made from the parent; keep : share of the parent in the weights that are kept."""

    name: str
    config: AdaptConfig
    penalty: str = ""
    keep: float = 0.0


METHODS = (
    Method("no countermeasure", replace(_QUICK, replay=0)),
    Method("replay of the parent's replay set of 16 images (as shipped)", _QUICK),
    Method("replay, also towards the parent's own masks", _QUICK, "replay"),
    Method(
        "distillation from the parent on the new images, weight 0.5", replace(_QUICK, replay=0), "distill"
    ),
    Method("weights half parent, half child", replace(_QUICK, replay=0), keep=0.5),
    Method("encoder frozen", replace(_QUICK, replay=0, frozen=5)),
    Method("L2 to the parent, weight 0.1", replace(_QUICK, replay=0), "l2"),
    Method(
        "replay, with the appearance of images augmented as in training from scratch",
        replace(_QUICK, augment=AugmentConfig()),
    ),
)


def measure(quick: bool) -> Result:
    """Eight cases of `adapt`; scored on its other patients and on the old hospital's validation images."""
    draws = (0,) if quick else (0, 1, 2)
    result = Result(
        "Not forgetting",
        f"cxr-lung, fine-tuned on 8 cases of covid's adapt split ({len(draws)} draws by patient, "
        f"{_QUICK.steps} "
        f"steps of {_QUICK.batch}), scored on the cases of all other adapt patients and on Montgomery's "
        "validation split. Dice at the network's own size, before the rules that clean a "
        "mask. No test image is used.",
        _COLUMNS,
    )
    try:
        new, old = cases(NEW, "adapt"), cases(OLD, "val")
    except NotMeasured as why:
        result.add_missing("all methods", why)
        return result
    entry = default_library().find("cxr-lung")
    parent, replay_set = load_model(entry), read_replay_set(entry)
    if replay_set is None:
        result.add_missing("all methods", "the model has no replay set")
        return result
    known = from_replay_set(replay_set.part("replay"), entry.card)
    reference = labelled(old, entry.card, oversize=False)
    before = mean_dice(parent, reference, entry.card)
    untouched = [mean_dice(parent, _small(draw(new, 8, seed)[1], entry.card), entry.card) for seed in draws]
    result.add("as shipped, before", *mean_and_each(untouched), *mean_and_each([0.0] * len(draws)))
    for method in METHODS[: 2 if quick else None]:
        found = []
        for seed in draws:
            taught, held = draw(new, 8, seed)
            large = labelled(taught, entry.card, oversize=True)
            child = _child(method, parent, entry.card, large, known, seed, quick)
            gain = mean_dice(child, _small(held, entry.card), entry.card)
            found.append((gain, mean_dice(child, reference, entry.card) - before))
        gains, losses = zip(*found, strict=True)
        result.add(method.name, *mean_and_each(gains), *mean_and_each(losses))
    return result


def _child(
    method: Method, parent: nn.Module, card: ModelCard, new: Samples, old: Samples, seed: int, quick: bool
) -> nn.Module:
    config = replace(method.config, seed=seed, check_every=10_000, steps=2 if quick else method.config.steps)
    penalty = _penalty(method.penalty, parent, config)
    weights = run(adapt(parent, new, old, config, card, penalty=penalty)).weights
    child = copy.deepcopy(parent)
    mixed = {
        name: torch.lerp(value, parent.state_dict()[name], method.keep)
        if value.dtype.is_floating_point
        else value
        for name, value in weights.items()
    }
    child.load_state_dict(mixed)
    return child


def _penalty(kind: str, parent: nn.Module, config: AdaptConfig) -> Penalty | None:
    if kind == "l2":
        start = {name: value.detach() for name, value in parent.named_parameters()}
        return partial(_distance, start, 0.1)
    if kind:
        fresh = config.batch - round(config.batch * config.replay)
        part = slice(None, fresh) if kind == "distill" else slice(fresh, None)
        return partial(_disagreement, parent, part, 0.5 if kind == "distill" else 1.0)
    return None


def _distance(start: dict[str, Tensor], weight: float, net: nn.Module, _x: Tensor, _logits: Tensor) -> Tensor:
    """L2-SP (Li 2018): squared distance of the weights from the parent's."""
    return weight * torch.stack([(v - start[k]).square().sum() for k, v in net.named_parameters()]).sum()


def _disagreement(
    parent: nn.Module, part: slice, weight: float, _net: nn.Module, x: Tensor, logits: Tensor
) -> Tensor:
    """Cross-entropy against the parent's probability (Hinton 2015; Li and Hoiem 2016 on new images)."""
    with torch.no_grad():
        target = torch.sigmoid(parent(x[part]))
    return weight * functional.binary_cross_entropy_with_logits(logits[part], target)


def _small(pairs: list[TrainingPair], card: ModelCard) -> Samples:
    return labelled(pairs, card, oversize=False)
