"""What can stand beside a network to give one answer more: quality, size and time of each."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import nn

from benchmarks.adapt_sets import CHILDREN, NEW, OLD, cases, children, draw
from benchmarks.result import Column, NotMeasured, Result, mean_and_each
from benchmarks.timing import interleaved
from napari_unet.core.chest_zones import chest_zones
from napari_unet.core.mask_leaks import mask_leaks
from napari_unet.core.masks import clean, threshold_mask
from napari_unet.core.steps import run
from napari_unet.core.volume_labels import any_label
from napari_unet.inference.fold import folded
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import default_library
from napari_unet.models.replay_set import read_replay_set
from napari_unet.training.adapt import adapt
from napari_unet.training.adapt_config import PRESETS, AdaptConfig
from napari_unet.training.derived import THRESHOLD
from napari_unet.training.further import DESIGN, with_further_answer
from napari_unet.training.learner import answer_of, as_saved, mean_dice
from napari_unet.training.samples import Samples, labelled
from napari_unet.training.undisputed import drawn_beside, undisputed

CASES, YOUNG, ROUNDS = 8, 100, 15
_QUICK = PRESETS["quick"].for_images(CASES)
_FURTHER = PRESETS["quick"].for_further_answer().for_images(CASES)
_ALONE = replace(_FURTHER, replay=0.0)

_COLUMNS = (
    Column("design"),
    Column("parameters", "ratio"),
    Column("time of a prediction", "ratio"),
    Column("training", "s"),
    Column("Dice, COVID"),
    Column("each draw"),
    Column("Dice, children"),
    Column("each draw"),
    Column("children with a leak, of 100"),
    Column("visible lung covered, Montgomery"),
)


@dataclass(frozen=True)
class Design:
    """One way. name : of the design, "" for a whole second network."""

    title: str
    name: str
    config: AdaptConfig


DESIGNS = (
    Design("two whole networks, nothing replayed", "", replace(_QUICK, replay=0.0)),
    Design("the last stages of the decoder once more", "last-stages", _ALONE),
    Design("a decoder of half the width", "half-decoder", _ALONE),
    Design("a ladder of adapters", "adapters", replace(_ALONE, learning_rate=5e-3)),
    Design("adapters in the encoder, and a decoder of half the width", "adapted-path", _ALONE),
    Design("the same, and the parent's images where protocols agree (as shipped)", DESIGN, _FURTHER),
)


@dataclass(frozen=True)
class _Places:
    """Images at the network's size. drawn : what the parent draws on those of children."""

    children: Samples
    old: Samples
    drawn: list[np.ndarray]


@dataclass(frozen=True)
class Draw:
    """One draw of cases, as they are taught at both sizes, and those of all other patients."""

    seed: int
    large: Samples
    small: Samples
    others: Samples


@dataclass(frozen=True)
class _Scores:
    """Of one network. leaks : images of children with a leak; covered : share of the visible lung."""

    covid: float
    children: float
    leaks: int
    covered: float


def measure(quick: bool) -> Result:
    """Eight cases of `adapt`, three draws by patient; no test image, none of the travel set."""
    seeds = (0,) if quick else (0, 1, 2)
    result = Result(
        "Designs of a further answer",
        f"cxr-lung, and beside it what gives a second answer, taught {CASES} cases of covid's adapt split "
        f"({len(seeds)} draws by patient) with the steps of Quick: {_QUICK.steps} for a whole network, "
        f"{_FURTHER.steps} for parts, of {_QUICK.batch} images. Scored on the cases of all other adapt "
        f"patients, on {YOUNG} validation images of children (another hospital, the new protocol; none of "
        "the travel set), and on Montgomery's validation split (the old protocol: how much of the visible "
        "lung is covered), at the network's own size. Leaks are counted in masks after the card's rule "
        "(`core/mask_leaks.py`). Parameters and time of a prediction, float32 on one thread, the best of "
        f"{ROUNDS} interleaved runs, against cxr-lung alone. Training: processor time of one.",
        _COLUMNS,
    )
    try:
        pairs = {NEW: cases(NEW, "adapt"), OLD: cases(OLD, "val"), CHILDREN: children("val", YOUNG)}
    except NotMeasured as why:
        result.add_missing("all designs", why)
        return result
    entry = default_library().find("cxr-lung")
    parent, card = load_model(entry), entry.card
    young, old = (labelled(pairs[name][: 2 if quick else None], card, False) for name in (CHILDREN, OLD))
    drawn = [_mask(one, card) for one in _probabilities(parent, card, young)]
    places = _Places(young, old, drawn)
    draws = []
    for seed in seeds:
        taught, others = draw(pairs[NEW], CASES, seed)
        sizes = (labelled(taught, card, oversize) for oversize in (True, False))
        draws.append(Draw(seed, *sizes, labelled(others[: 2 if quick else None], card, False)))
    _add(result, "cxr-lung, before", (1.0, 1.0, None), [_scores(parent, card, places, one) for one in draws])
    for design in DESIGNS[:: len(DESIGNS) - 1] if quick else DESIGNS:
        found, seconds = [], []
        for one in draws:
            net, own, took = taught_child(design, parent, card, one, quick)
            found.append(_scores(net, own, places, one))
            seconds.append(took)
        cost = _cost(net, parent, whole=not design.name)
        _add(result, design.title, (*cost, float(np.mean(seconds))), found)
    return result


def taught_child(
    design: Design, parent: nn.Module, card: ModelCard, cases: Draw, quick: bool
) -> tuple[nn.Module, ModelCard, float]:
    """(network, its card, seconds of processor time of the training)."""
    net, own = parent, card.with_output(threshold=THRESHOLD)
    if design.name:
        net, own = with_further_answer(parent, card, THRESHOLD, "the new one", design.name)
    again = read_replay_set(default_library().find(card.name)) if design.config.replay else None
    known = again and undisputed(again.part("replay"), card, drawn_beside(parent, card, cases.small))
    steps = 2 if quick else design.config.steps
    config = replace(design.config, seed=cases.seed, check_every=10_000, steps=steps)
    begun = time.process_time()
    weights = run(adapt(net, cases.large, known, config, own)).weights
    seconds = time.process_time() - begun
    return as_saved(own, weights), own, seconds


def _scores(net: nn.Module, card: ModelCard, places: _Places, cases: Draw) -> _Scores:
    young, old = (_probabilities(net, card, samples) for samples in (places.children, places.old))
    leaking = [
        chest is not None and bool(mask_leaks(chest, _mask(one, card)))
        for chest, one in zip(map(chest_zones, places.drawn), young, strict=True)
    ]
    covered = [
        (lung & (one >= card.output.threshold)).sum() / lung.sum()
        for one, lung in zip(old, places.old.foreground, strict=True)
    ]
    covid = mean_dice(net, cases.others, card)
    return _Scores(covid, mean_dice(net, places.children, card), sum(leaking), float(np.mean(covered)))


@torch.inference_mode()
def _probabilities(net: nn.Module, card: ModelCard, samples: Samples) -> list[np.ndarray]:
    own, net = card.channels_of(card.output), net.eval()
    logits = (answer_of(net, torch.from_numpy(one)[None], own) for one in samples.images)
    return [any_label(torch.sigmoid(one)[0].numpy()) for one in logits]


def _mask(probability: np.ndarray, card: ModelCard) -> np.ndarray:
    return clean(threshold_mask(probability, card.output.threshold), card.output.mask_rule)


def _cost(net: nn.Module, parent: nn.Module, whole: bool) -> tuple[float, float | None]:
    """(parameters, time of a prediction) against the parent's; of two whole networks their sums."""
    sizes = [sum(value.numel() for value in one.parameters()) for one in (net, parent)]
    image = torch.rand(1, 1, 256, 256).to(memory_format=torch.channels_last)
    runs = {
        name: partial(folded(one).to(memory_format=torch.channels_last), image)
        for name, one in (("child", net), ("parent", parent))
    }
    with torch.inference_mode():
        times = interleaved(runs, ROUNDS)
    return sizes[0] / sizes[1] + whole, times["child"].best / times["parent"].best + whole


def _add(
    result: Result, title: str, cost: tuple[float, float | None, float | None], found: list[_Scores]
) -> None:
    result.add(
        title,
        *cost,
        *mean_and_each([one.covid for one in found]),
        *mean_and_each([one.children for one in found]),
        ", ".join(str(one.leaks) for one in found),
        f"{np.mean([one.covered for one in found]):.3f}",
    )
