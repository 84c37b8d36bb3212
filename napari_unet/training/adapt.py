"""The loop of a fine-tune: few steps on few new images, with old ones in each batch against forgetting.

What else was tried, and why this is what stayed, is in docs/fine-tuning.md.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from math import isfinite, isnan

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR

from napari_unet.core.errors import UserError
from napari_unet.core.events import Preview, StepsDone
from napari_unet.core.steps import STOP
from napari_unet.models.card import ModelCard
from napari_unet.training.adapt_config import AdaptConfig
from napari_unet.training.learner import Learner, Penalty, mean_dice
from napari_unet.training.losses import LOSSES
from napari_unet.training.samples import Samples

Watch = Callable[[nn.Module, int], Preview]
"""(network in evaluation mode, step) → what it makes of a case."""


@dataclass(frozen=True)
class AdaptResult:
    """What came of a fine-tune: weights (a state dict on the CPU), the step they are of, and the curves.

    note : why it ended early, in words, or "".
    """

    weights: dict[str, Tensor]
    step: int
    history: tuple[StepsDone, ...]
    note: str = ""


def adapt(
    parent: nn.Module,
    new: Samples,
    old: Samples | None,
    config: AdaptConfig,
    card: ModelCard,
    device: str = "cpu",
    held_out: Samples | None = None,
    reference: Samples | None = None,
    part: int = 1,
    penalty: Penalty | None = None,
    watch: Watch | None = None,
) -> Generator[StepsDone | Preview, str | None, AdaptResult]:
    """Fits a copy of `parent` to `new`; yields each step, scores it now and then, and returns the weights.

    new, old : for training, at 1 to 1.5 times the card's input size; `old` is the parent's replay set, None
    for no replay. card : of the parent; its `output` is what is taught. held_out, reference : at the card's
    size, for the curves only; the number of steps is not chosen by them.
    part : goes into the events. watch : what it makes of the network is yielded after each score.
    Sending STOP ends it: the weights are those of the best score on `held_out` so far, or, where nothing was
    scored, the present ones. The learning rate falls as a cosine after a short warm-up. What is kept is the
    running mean of the weights.
    Raises UserError if the network is not the card's, or if the loss is no longer a number before anything
    was scored; later on that ends it with a note.
    """
    net = copy.deepcopy(parent)
    cosine = partial(LambdaLR, lr_lambda=_cosine(config.steps))
    trained = _unfrozen(net, config.frozen)
    learner = Learner(net, card, config, cosine, device, trained, LOSSES[config.loss])
    draw = _Draw(new, old, config, learner.augment.generator)
    history: list[StepsDone] = []
    best, best_step = learner.weights(), 0
    for step in range(1, config.steps + 1):
        loss = learner.step(*draw(), penalty)
        if not isfinite(loss):
            if not best_step:
                raise UserError("Training stopped: the loss is not a number.", "Lower the learning rate.")
            note = f"The loss was not a number in step {step}: the model of step {best_step} was kept."
            return AdaptResult(best, best_step, tuple(history), note)
        scored = step % config.check_every == 0 or step == config.steps
        new_dice, old_dice = (
            mean_dice(learner.average, found, card, device) if scored and found is not None else float("nan")
            for found in (held_out, reference)
        )
        top = max((past.new_dice for past in history if not isnan(past.new_dice)), default=-1.0)
        done = StepsDone(part, step, config.steps, loss, new_dice, old_dice, new_dice > top)
        history.append(done)
        if done.best or (scored and held_out is None):
            best, best_step = learner.weights(), step
        words = [(yield done)]
        if scored and watch is not None:
            words.append((yield watch(learner.average, step)))
        if STOP in words:
            if held_out is None or not best_step:
                best, best_step = learner.weights(), step
            return AdaptResult(best, best_step, tuple(history))
    return AdaptResult(learner.weights(), config.steps, tuple(history))


class _Draw:
    """Draws batches: each set in a random order of its own, over and over."""

    def __init__(
        self, new: Samples, old: Samples | None, config: AdaptConfig, generator: torch.Generator
    ) -> None:
        replayed = 0 if old is None or not len(old) else round(config.batch * config.replay)
        self._shares = [(new, max(1, config.batch - replayed))]
        if old is not None and replayed:
            self._shares.append((_as_large(old, new), replayed))
        self._waiting: list[list[int]] = [[] for _ in self._shares]
        self._generator = generator

    def __call__(self) -> tuple[Tensor, Tensor]:
        """A batch, see `Samples.batch`."""
        parts = []
        for (cases, count), waiting in zip(self._shares, self._waiting, strict=True):
            while len(waiting) < count:
                waiting += torch.randperm(len(cases), generator=self._generator).tolist()
            parts.append(cases.batch(waiting[:count]))
            del waiting[:count]
        images, labels = zip(*parts, strict=True)
        return torch.cat(images), torch.cat(labels)


def _as_large(old: Samples, new: Samples) -> Samples:
    """`old` at the size of `new`, so that both fit into one batch."""
    shape = new.images.shape[-2:]
    if old.images.shape[-2:] == shape:
        return old

    def larger(stack: np.ndarray) -> Tensor:
        return functional.interpolate(
            torch.from_numpy(stack), shape, mode="bilinear", align_corners=False, antialias=True
        )

    masks, valid = ((larger(stack) >= 0.5).float().numpy() for stack in (old.masks, old.valid))
    return Samples(larger(old.images).numpy(), masks, valid)


def _unfrozen(net: nn.Module, frozen: int) -> list[nn.Parameter]:
    """The parameters that are trained; the others need no gradient from now on."""
    stages = list(net.encoder)  # type: ignore[arg-type]
    for stage in stages[:frozen]:
        stage.requires_grad_(False)
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    if not trained:
        raise UserError("With all stages frozen there is nothing to train.", "Freeze fewer stages.")
    return trained


def _cosine(steps: int) -> Callable[[int], float]:
    warm = max(1, min(10, steps // 5))

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + float(np.cos(np.pi * (step - warm) / max(1, steps - warm)))) + 1e-3

    return factor
