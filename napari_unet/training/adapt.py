"""The loop of a fine-tune: few steps on few new images, with old ones in each batch against forgetting.

What else was tried, and why this is what stayed, stands in docs/fine-tuning.md.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import isnan

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.core.errors import UserError
from napari_unet.core.events import Preview, StepsDone
from napari_unet.core.metrics import dice
from napari_unet.core.steps import STOP
from napari_unet.training.adapt_config import AdaptConfig
from napari_unet.training.augment import Augment
from napari_unet.training.fit import blend, check_fits
from napari_unet.training.labelled import LabelledSet
from napari_unet.training.losses import dice_and_cross_entropy

Penalty = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""(network, batch, logits) → what is added to the loss; for comparisons with other methods."""

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
    new: LabelledSet,
    old: LabelledSet | None,
    config: AdaptConfig,
    size: tuple[int, int],
    device: str = "cpu",
    held_out: LabelledSet | None = None,
    reference: LabelledSet | None = None,
    part: int = 1,
    penalty: Penalty | None = None,
    watch: Watch | None = None,
) -> Generator[StepsDone | Preview, str | None, AdaptResult]:
    """Fits a copy of `parent` to `new`; yields each step, scores it now and then, and returns the weights.

    new, old : for training, at 1 to 1.5 times `size` (Y, X); `old` is what the parent remembers, None for no
    replay. held_out, reference : at `size`, for the curves only; the number of steps is not chosen by them.
    part : goes into the events. watch : what it makes of the network is yielded after each score.
    Sending STOP ends it: the weights are those of the best score on `held_out` so far, or, where nothing was
    scored, the present ones. AdamW (Loshchilov 2019) with a cosine after a short warm-up. What is kept is the
    running mean of the weights (Polyak 1992).
    Raises UserError if `size` does not suit the network, or if the loss is no longer a number before anything
    was scored; later on that ends it with a note.
    """
    check_fits(parent, size)
    torch.manual_seed(config.seed)
    net = copy.deepcopy(parent).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    trained = _unfrozen(net, config.frozen)
    average = copy.deepcopy(net).eval()
    augment = Augment(config.augment, config.seed)
    optimizer = torch.optim.AdamW(trained, lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _cosine(config.steps))
    draw = _Draw(new, old, config, augment.generator)
    history: list[StepsDone] = []
    best, best_step, note = _weights(average), 0, ""
    for step in range(1, config.steps + 1):
        images, labels = augment(*draw(), size)
        images, labels = images.to(device, memory_format=torch.channels_last), labels.to(device)
        net.train()
        logits = net(images)
        loss = _loss(logits, labels, config)
        if penalty is not None:
            loss = loss + penalty(net, images, logits)
        if not bool(torch.isfinite(loss)):
            note = f"The loss was not a number in step {step}: the model is that of step {best_step}."
            break
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        blend(average, net, min(config.average, step / (step + 10)))
        scored = step % config.check_every == 0 or step == config.steps
        new_dice, old_dice = (
            mean_dice(average, found, device) if scored and found is not None else float("nan")
            for found in (held_out, reference)
        )
        top = max((past.new_dice for past in history if not isnan(past.new_dice)), default=-1.0)
        done = StepsDone(part, step, config.steps, loss.item(), new_dice, old_dice, new_dice > top)
        history.append(done)
        if done.best or (scored and held_out is None):
            best, best_step = _weights(average), step
        words = [(yield done)]
        if scored and watch is not None:
            words.append((yield watch(average, step)))
        if STOP in words:
            if held_out is None or not best_step:
                best, best_step = _weights(average), step
            return AdaptResult(best, best_step, tuple(history))
    if note:
        if not best_step:
            raise UserError("Training came to an end: the loss is not a number.", "Lower the learning rate.")
        return AdaptResult(best, best_step, tuple(history), note)
    return AdaptResult(_weights(average), config.steps, tuple(history))


@torch.inference_mode()
def mean_dice(net: nn.Module, cases: LabelledSet, device: str = "cpu") -> float:
    """Mean Dice at 0.5 of a network on images at its own size; pixels that are not valid are left out."""
    net.eval()
    found = []
    for image, mask, valid in zip(cases.images, cases.masks, cases.valid, strict=True):
        x = torch.from_numpy(image)[None].to(device)
        found.append(dice(net(x)[0, 0].cpu().numpy() > 0, mask[0] > 0, valid[0] == 0))
    known = [value for value in found if not isnan(value)]
    return float(np.mean(known)) if known else float("nan")


class _Draw:
    """Draws batches: each set in a random order of its own, over and over."""

    def __init__(
        self, new: LabelledSet, old: LabelledSet | None, config: AdaptConfig, generator: torch.Generator
    ) -> None:
        replayed = 0 if old is None or not len(old) else round(config.batch * config.replay)
        self._shares = [(new, max(1, config.batch - replayed))]
        if old is not None and replayed:
            self._shares.append((_as_large(old, new), replayed))
        self._waiting: list[list[int]] = [[] for _ in self._shares]
        self._generator = generator

    def __call__(self) -> tuple[Tensor, Tensor]:
        """Images (N, 1, Y, X), and as channels the masks and where they are not valid (N, 2, Y, X)."""
        images, labels = [], []
        for (cases, count), waiting in zip(self._shares, self._waiting, strict=True):
            while len(waiting) < count:
                waiting += torch.randperm(len(cases), generator=self._generator).tolist()
            chosen, waiting[:] = waiting[:count], waiting[count:]
            images.append(cases.images[chosen])
            labels.append(np.concatenate([cases.masks[chosen], 1 - cases.valid[chosen]], axis=1))
        return torch.from_numpy(np.concatenate(images)), torch.from_numpy(np.concatenate(labels))


def _as_large(old: LabelledSet, new: LabelledSet) -> LabelledSet:
    """`old` at the size of `new`, so that both fit into one batch."""
    shape = new.images.shape[-2:]
    if old.images.shape[-2:] == shape:
        return old

    def larger(stack: np.ndarray) -> Tensor:
        return functional.interpolate(
            torch.from_numpy(stack), shape, mode="bilinear", align_corners=False, antialias=True
        )

    masks, valid = ((larger(stack) >= 0.5).float().numpy() for stack in (old.masks, old.valid))
    return LabelledSet(larger(old.images).numpy(), masks, valid)


def _loss(logits: Tensor, labels: Tensor, config: AdaptConfig) -> Tensor:
    masks, valid = labels[:, :1], 1 - labels[:, 1:]
    if config.loss == "cross-entropy":
        entropy = functional.binary_cross_entropy_with_logits(logits, masks, reduction="none")
        return (entropy * valid).sum() / valid.sum().clamp(min=1)
    return dice_and_cross_entropy(logits, masks, valid)


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


def _weights(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}
