"""How long a fine-tune will take on this machine: a few trial steps, on noise."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from napari_unet.core.raster import Raster
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.device import pick_device
from napari_unet.inference.freed_memory import freed_memory_kept
from napari_unet.inference.predictor import Predictor
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import ModelLibrary, default_library
from napari_unet.training.acceptance import measure
from napari_unet.training.adapt import adapt
from napari_unet.training.adapt_config import PRESETS, AdaptConfig
from napari_unet.training.drift import looks
from napari_unet.training.learner import mean_dice
from napari_unet.training.machine import memory_explained, using_threads
from napari_unet.training.outcome import Estimate
from napari_unet.training.samples import Samples

_TRIALS = 2
_SHAPE = (1024, 1024)  # of an image, where none is at hand


@dataclass(frozen=True)
class Pace:
    """Seconds on this machine: of a training step, of scoring one input, of comparing one case."""

    step: float
    look: float
    case: float

    @property
    def glance(self) -> float:
        """Seconds of both models on an image of about the input's size and on its mirror image."""
        return 4 * self.look

    def train(self, config: AdaptConfig, held_out: int, reference: int) -> float:
        """Seconds of one training, with the scores on its way."""
        checks = -(-config.steps // config.check_every)
        return config.steps * self.step + checks * (held_out + reference) * self.look


def estimate(
    cases: int,
    parent: str = "cxr-lung",
    configs: Mapping[str, AdaptConfig] | None = None,
    device: str = "auto",
    threads: int | None = None,
    library: ModelLibrary | None = None,
) -> dict[str, Estimate]:
    """What fine-tunes of `parent` on `cases` cases would take, by the names of `configs` (default: PRESETS).

    Takes some seconds itself. Raises UserError if model or device are not there, or settings do not suit the
    model.
    """
    entry = (library or default_library()).find(parent)
    chosen = str(pick_device(device))
    tests = entry.card.memory.gate if entry.card.memory else 0
    net = load_model(entry)
    found: dict[str, Estimate] = {}
    paces: dict[AdaptConfig, Pace] = {}
    with using_threads(threads), freed_memory_kept(), memory_explained():
        for name, config in (PRESETS if configs is None else configs).items():
            like = replace(config, steps=1, per_image=0, check_every=1, learning_rate=1e-4, seed=0, folds=2)
            if like not in paces:
                paces[like] = measure_pace(net, entry.card, like, chosen)
            glances = looks(entry.card, tests)
            found[name] = expected(paces[like], config, cases, min(config.folds, cases), tests, glances)
    return found


def expected(
    pace: Pace, config: AdaptConfig, cases: int, folds: int, tests: int, glances: int = 0
) -> Estimate:
    """What a fine-tune takes at that pace.

    tests : the parent's images for the acceptance test. glances : other images that are looked at.
    """
    held_out = round(cases / max(1, folds))
    fold = pace.train(config.for_images(cases - held_out), held_out, tests)
    whole = pace.train(config.for_images(cases), 0, tests)
    return Estimate(whole, folds * fold + (cases + tests) * pace.case + glances * pace.glance)


def measure_pace(
    net: nn.Module, card: ModelCard, config: AdaptConfig, device: str, shape: tuple[int, int] = _SHAPE
) -> Pace:
    """Runs trial steps of `config` with copies of `net`. shape : of an image (Y, X), for the comparison.

    Raises UserError as `adapt` does, so that what cannot work is known before anything long has begun.
    """
    height, width = (card.input.size or (256, 256))[-2:]
    noise = np.random.default_rng(0)
    image = noise.random((2, card.input.channels, height, width), np.float32)
    mask = np.zeros((2, len(card.output.channels), height, width), np.float32)
    mask[:, 0, height // 4 : height // 2, width // 4 : width // 2] = 1
    some = Samples(image, mask, np.ones_like(mask[:, :1]))
    step = _step_seconds(net, some, card, config, device)
    placed = copy.deepcopy(net).to(device)
    start = time.perf_counter()
    mean_dice(placed, some, card, device)
    look = (time.perf_counter() - start) / len(some)
    labels = np.zeros(shape, np.uint8)
    value = card.output.labels.values[0]
    labels[shape[0] // 4 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = value
    predictor = Predictor(net, card, torch.device(device))
    pair = TrainingPair("trial", Raster(noise.random(shape, np.float32), inverted=False), labels)
    start = time.perf_counter()
    measure(predictor, predictor, pair)
    return Pace(step, look, time.perf_counter() - start)


def _step_seconds(net: nn.Module, some: Samples, card: ModelCard, config: AdaptConfig, device: str) -> float:
    """Of a step with replay, as far as the settings want it; the first step, which takes longer, excluded."""
    trial = replace(config, steps=1 + _TRIALS, check_every=1 + _TRIALS)
    times = [time.perf_counter() for _ in adapt(net, some, some, trial, card, device)]
    return (times[-1] - times[0]) / _TRIALS
