"""The same protocol, another machine: what a fine-tune wins back there, and what it changes elsewhere.

The machine (`overexposed`) was fixed before any training with it. It is none of the six machines of
`training.shifts`, and no change of `training.augment` makes its grid.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from scipy import ndimage, special
from torch import nn

from benchmarks.adapt_sets import CHILDREN, NEW, OLD, cases, draw
from benchmarks.result import Column, NotMeasured, Result, mean_and_each
from napari_unet.core.labels import IGNORE, lung
from napari_unet.core.metrics import dice
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.predictor import Predictor
from napari_unet.io.formats import read_raster
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import default_library
from napari_unet.models.replay_set import read_replay_set
from napari_unet.training.adapt import adapt
from napari_unet.training.adapt_config import GENTLE, PRESETS
from napari_unet.training.augment_config import AugmentConfig
from napari_unet.training.derived import seen_as_derived
from napari_unet.training.fit import simulated
from napari_unet.training.learner import as_saved, mean_dice
from napari_unet.training.pairs import read_pair
from napari_unet.training.samples import Samples, from_replay_set, labelled

_BEND, _KNEE = 9.0, 0.2  # of the tone curve: its slope, and the grey at which it is steepest
_BLUR = 3 / 512  # standard deviation, of the image's shorter side
_LINES, _SHADE = 48, 0.15  # of the grid: shaded stripes across the width, and what they take of the light
_PERCENTILES = (0.5, 99.5)


def overexposed(pixels: np.ndarray) -> np.ndarray:
    """An X-ray as an overexposed film, scanned out of focus, with the stripes of a coarse grid.

    Parameters
    ----------
    pixels : np.ndarray
        uint8 (Y, X), bone bright.

    Returns
    -------
    np.ndarray
        uint8 (Y, X). All but the darkest greys are pressed together: a logistic tone curve about 0.2 of the
        range. Then a Gaussian blur, then vertical stripes, half of each period shaded; the 0.5th and the
        99.5th percentile become black and white.
    """
    low, high, bent = _logistic(np.array(0.0)), _logistic(np.array(1.0)), _logistic(pixels / 255)
    blurred = ndimage.gaussian_filter((bent - low) / (high - low), _BLUR * min(pixels.shape))
    phase = np.arange(pixels.shape[1]) / pixels.shape[1] * _LINES
    striped = blurred * np.where(phase % 1 < 0.5, 1 - _SHADE, 1)
    black, white = np.percentile(striped, _PERCENTILES)
    span = max(white - black, math.ulp(1.0))
    return np.rint(np.clip((striped - black) / span, 0, 1) * 255).astype(np.uint8)


def _logistic(grey: np.ndarray) -> np.ndarray:
    return special.expit(_BEND * (grey - _KNEE))


MODEL, COUNT, SEEDS = "cxr-lung", 8, (0, 1, 2)
_CPU = torch.device("cpu")
MILD = replace(GENTLE, curve=0.35, field=0.2, detail=0.25, noise=0.15)
SETTINGS = {
    "place and shape only": GENTLE,
    "mild looks: contrast, fields, detail and noise, half as often and as strong": MILD,
    "looks as in training from scratch": AugmentConfig(),
}
_EVERY = {CHILDREN: 4, NEW: 2}  # of the images of other places, for the drift

_CHOICE = (
    Column("looks of images in training"),
    Column("share of the loss won back"),
    Column("each seed"),
    Column("change of Dice, the same images plain"),
    Column("change of Dice, six machines"),
    Column("drift, children"),
    Column("drift, covid"),
)
_COLUMNS = (
    Column("seed"),
    Column("Dice, Montgomery test on the machine"),
    Column("share of the loss won back"),
    Column("Dice, Montgomery test plain"),
    Column("Dice, Shenzhen"),
    Column("change"),
    Column("worst image"),
)


@dataclass(frozen=True)
class Figures:
    """What one training did on validation images. won : share of what the machine costs the parent.

    plain, machines : change of Dice on the same images as they are, and under the six simulated machines.
    drift : Dice against the parent's masks, by the name of the set.
    """

    won: float
    plain: float
    machines: float
    drift: dict[str, float]


def measure_choice(quick: bool) -> Result:
    """How much the looks of images are to vary in training; no test image is read."""
    seeds = SEEDS[:1] if quick else SEEDS
    result = Result(
        "The same protocol, another machine: the choice",
        f"{MODEL}, fine-tuned with Quick's steps on {COUNT} of the 13 validation images of Montgomery that "
        "are not its own reference images, under one fixed machine that is none of the six of the "
        "acceptance test (a bent tone curve, blur, the stripes of a grid; `benchmarks/other_machine.py`). "
        "Scored on the other 13 validation images under that machine, as they are, and under the six "
        "machines; and against the parent's masks on validation images of children and adapt images of "
        "covid, as drift. Dice at the network's own size, before the rules that clean a mask.",
        _CHOICE,
    )
    try:
        places = validation()
    except NotMeasured as why:
        result.add_missing("all settings", why)
        return result
    for name, augment in SETTINGS.items():
        add_setting(result, name, [of_setting(places, augment, seed, quick) for seed in seeds])
    return result


def add_setting(result: Result, name: str, found: Sequence[Figures]) -> None:
    """One row, of all seeds."""
    drift = [f"{np.mean([one.drift[of] for one in found]):.3f}" for of in _EVERY]
    result.add(
        name,
        *mean_and_each([one.won for one in found], 2),
        f"{np.mean([one.plain for one in found]):+.4f}",
        f"{np.mean([one.machines for one in found]):+.4f}",
        *drift,
    )


def measure(quick: bool) -> Result:
    """What Quick makes of the cases, as users get it; the test splits are only read here."""
    seeds = SEEDS[:1] if quick else SEEDS
    result = Result(
        "The same protocol, another machine",
        f"{MODEL}, fine-tuned with the preset Quick, same protocol, on {COUNT} Montgomery validation images "
        "under the fixed machine of the table above. Scored on Montgomery's test split under that machine "
        "and as it is, and on Shenzhen, a third hospital, at the images' own size with the card's threshold "
        "and rules. Share won back: of what the machine costs the parent. The acceptance test is not run.",
        _COLUMNS,
    )
    try:
        free, plain, third = free_cases(), cases(OLD, "test"), cases("shenzhen_eval", "test")
    except NotMeasured as why:
        result.add_missing("fine-tuning", why)
        return result
    if quick:
        plain, third = plain[:2], third[:2]
    tests = [[on_machine(pair) for pair in plain], plain, third]
    entry = default_library().find(MODEL)
    before = [_dice(Predictor(load_model(entry), entry.card, _CPU), pairs) for pairs in tests]
    machine, same, elsewhere = (float(np.mean(scores)) for scores in before)
    result.add("before", _3(machine), None, _3(same), _3(elsewhere), None, _3(min(before[2])))
    rows = []
    for seed in seeds:
        taught, weights = fitted(free, PRESETS["quick"].augment, seed, quick)
        card = seen_as_derived(entry.card)
        child = Predictor(as_saved(card, weights), card, _CPU)
        after = [_dice(child, pairs) for pairs in tests]
        means = [float(np.mean(scores)) for scores in after]
        won = (means[0] - machine) / (same - machine)
        rows.append((means[0], won, means[1], means[2], means[2] - elsewhere, min(after[2])))
        result.add(str(seed), *_cells(rows[-1]))
        result.notes.append(f"Seed {seed}: {', '.join(pair.id for pair in taught)}.")
    spread = np.std(rows, axis=0)
    cells = (f"{cell} ± {by:.4f}" for cell, by in zip(_cells(np.mean(rows, axis=0)), spread, strict=True))
    result.add(f"mean ± standard deviation of {len(seeds)}", *cells)
    return result


def fitted(
    free: Sequence[TrainingPair], augment: AugmentConfig, seed: int, quick: bool
) -> tuple[list[TrainingPair], dict[str, torch.Tensor]]:
    """The cases that the seed draws, and what the last training of Quick makes of the model with them."""
    entry = default_library().find(MODEL)
    taught, _ = draw(list(free), COUNT, seed)
    config = replace(PRESETS["quick"].for_images(COUNT), seed=seed, augment=augment, check_every=10_000)
    new = labelled([on_machine(pair) for pair in taught], entry.card, oversize=True)
    replay_set = read_replay_set(entry)
    old = None if replay_set is None else from_replay_set(replay_set.part("replay"), entry.card)
    config = replace(config, steps=2) if quick else config
    return taught, run(adapt(load_model(entry), new, old, config, entry.card)).weights


def _dice(model: Predictor, pairs: Sequence[TrainingPair]) -> list[float]:
    """Of each case, as `evaluate` has it."""
    found = []
    for pair in pairs:
        raster, truth, _ = read_pair(pair, model.card)
        mask = run(model.steps(raster, raster.inverted)).mask()
        found.append(dice(mask, lung(truth), truth == IGNORE))
    return found


def free_cases() -> list[TrainingPair]:
    """Montgomery's validation images that are not in the model's replay set."""
    known = read_replay_set(default_library().find(MODEL))
    own = set() if known is None else {item.content_hash for item in known.items}
    return [pair for pair in cases(OLD, "val") if pair.source.content_hash() not in own]


def on_machine(pair: TrainingPair) -> TrainingPair:
    """The same case as the fixed machine shows it."""
    return replace(pair, image=Raster(overexposed(read_raster(pair.source).pixels), inverted=False))


@dataclass(frozen=True)
class Validation:
    """ids : of Montgomery's validation images, in the order of `shifted` and `plain`. free : see above.

    others : of other places, by name.
    """

    ids: tuple[str, ...]
    free: tuple[TrainingPair, ...]
    shifted: Samples
    plain: Samples
    others: dict[str, Samples]


@cache
def validation() -> Validation:
    """Everything that a setting is chosen on. Raises NotMeasured if the data is not there."""
    card, val = default_library().find(MODEL).card, cases(OLD, "val")
    others = {CHILDREN: cases(CHILDREN, "val"), NEW: cases(NEW, "adapt")}
    return Validation(
        tuple(pair.id for pair in val),
        tuple(free_cases()),
        labelled([on_machine(pair) for pair in val], card, oversize=False),
        labelled(val, card, oversize=False),
        {name: labelled(pairs[:: _EVERY[name]], card, oversize=False) for name, pairs in others.items()},
    )


def of_setting(places: Validation, augment: AugmentConfig, seed: int, quick: bool = False) -> Figures:
    """One training, on the cases that the seed draws, scored everywhere."""
    entry = default_library().find(MODEL)
    parent, card = load_model(entry), entry.card
    taught, weights = fitted(places.free, augment, seed, quick)
    child = copy.deepcopy(parent)
    child.load_state_dict(weights)
    learned = {pair.id for pair in taught}
    rest = [k for k, id in enumerate(places.ids) if id not in learned]
    shifted, plain = places.shifted.subset(rest), places.plain.subset(rest)

    def scores(images: Samples) -> tuple[float, float]:
        return mean_dice(parent, images, card), mean_dice(child, images, card)

    (shifted_before, shifted_after), (before, after) = scores(shifted), scores(plain)
    machines_before, machines_after = scores(simulated(plain, card))
    return Figures(
        (shifted_after - shifted_before) / (before - shifted_before),
        after - before,
        machines_after - machines_before,
        {name: _drift(parent, child, images) for name, images in places.others.items()},
    )


@torch.inference_mode()
def _drift(parent: nn.Module, child: nn.Module, images: Samples) -> float:
    masks = [net.eval()(torch.from_numpy(images.images))[:, 0] > 0 for net in (parent, child)]
    return float(np.mean([dice(new.numpy(), old.numpy()) for old, new in zip(*masks, strict=True)]))


def _cells(row: Sequence[float]) -> list[str]:
    machine, won, plain, third, change, worst = row
    return [_3(machine), f"{won:.2f}", _3(plain), _3(third), f"{change:+.4f}", _3(worst)]


def _3(value: float) -> str:
    return f"{value:.3f}"
