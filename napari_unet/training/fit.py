"""The training loop."""

from __future__ import annotations

import copy
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from napari_unet.core.errors import UserError
from napari_unet.core.events import EpochEnded
from napari_unet.core.metrics import dice
from napari_unet.training.augment import Augment
from napari_unet.training.config import TrainingConfig
from napari_unet.training.losses import dice_and_cross_entropy
from napari_unet.training.resume import load_state, save_state
from napari_unet.training.samples import Samples
from napari_unet.training.shifts import SHIFTS, shifted
from napari_unet.training.style import mixed_style


@dataclass(frozen=True)
class TrainingResult:
    """The averaged weights of the best epoch (a state dict) and the curves."""

    weights: dict[str, Tensor]
    history: tuple[EpochEnded, ...]

    @property
    def best(self) -> EpochEnded:
        """The epoch that was kept."""
        return [epoch for epoch in self.history if epoch.best][-1]


def fit(
    net: nn.Module,
    train: Samples,
    val: Samples,
    size: tuple[int, int],
    config: TrainingConfig,
    state: Path | None = None,
    device: str = "cpu",
) -> Generator[EpochEnded, None, TrainingResult]:
    """Trains `net` and yields after each epoch; with `state`, the best weights are on disk before the yield.

    state : a folder in which a broken-off training is found again and goes on where it stopped.
    The best epoch has the highest mean of Dice on `val` and Dice on `val` under simulated shifts (shifts.py),
    with averaged weights. AdamW (Loshchilov 2019), one cycle (Smith 2018).
    Raises UserError if `size` does not suit the net, if `state` belongs to other settings, or if the loss is
    no longer a number; the best weights so far stay in `state`.
    """
    check_fits(net, size)
    torch.manual_seed(config.seed)
    net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    augment = Augment(config.augment, config.seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    steps = max(1, round(len(train) / config.batch))
    total = max(6, config.epochs * steps)  # OneCycleLR divides by zero where its warm-up is one step of five
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=total, pct_start=0.2
    )
    average = copy.deepcopy(net).eval()
    best = {name: value.cpu().clone() for name, value in net.state_dict().items()}
    history: list[EpochEnded] = []
    settings = {"training": asdict(config), "size": list(size), "images": len(train)}
    if state is not None:
        history = load_state(state, net, average, optimizer, schedule, augment.generator, best, settings)
    checks = simulated(val)
    with mixed_style(_early(net, config), config.mix_style, augment.generator):
        for epoch in range(len(history) + 1, config.epochs + 1):
            if _is_exhausted(history, config):
                break
            losses = []
            net.train()
            order = torch.randperm(len(train), generator=augment.generator)
            for chosen in order.tensor_split(steps):
                images, labels = augment(*_batch(train, chosen), size)
                logits = net(images.to(device, memory_format=torch.channels_last))
                labels = labels.to(device)
                loss = dice_and_cross_entropy(logits, labels[:, :1], 1 - labels[:, 1:])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                losses.append(loss.item())
                done = (epoch - 1) * steps + len(losses)
                blend(average, net, min(config.average, done / (done + 10)))
            if not np.isfinite(losses).all():
                raise UserError(
                    f"Training came to an end in epoch {epoch}: the loss is not a number.",
                    "Lower the learning rate.",
                )
            due = epoch % config.check_every == 0 or epoch == config.epochs
            plain, under_shifts = validate(average, checks, device) if due else (float("nan"), float("nan"))
            score = (plain + under_shifts) / 2
            top = max([(e.val_dice + e.shifted_dice) / 2 for e in history if e.best], default=-1.0)
            ended = EpochEnded(
                epoch, config.epochs, float(np.mean(losses)), plain, under_shifts, due and score > top
            )
            history.append(ended)
            if ended.best:
                best = {name: value.cpu().clone() for name, value in average.state_dict().items()}
            if state is not None:
                save_state(
                    state, net, average, optimizer, schedule, augment.generator, best, settings, history
                )
            yield ended
    return TrainingResult(best, tuple(history))


@dataclass(frozen=True)
class Check:
    """A pair to validate on: float32 (Y, X) in 0..1, bool masks of lungs and of what does not count."""

    image: np.ndarray
    mask: np.ndarray
    ignored: np.ndarray
    is_shifted: bool


def simulated(val: Samples) -> list[Check]:
    """The validation pairs as they are, and again under each simulated shift."""
    pairs = [
        (image[0], np.concatenate([mask > 0, valid == 0]))
        for image, mask, valid in zip(val.images, val.masks, val.valid, strict=True)
    ]
    moved = [shifted(image, masks, name) for name in SHIFTS for image, masks in pairs]
    return [
        Check(image, masks[0], masks[1], k >= len(pairs)) for k, (image, masks) in enumerate(pairs + moved)
    ]


@torch.inference_mode()
def validate(net: nn.Module, checks: list[Check], device: str) -> tuple[float, float]:
    """Mean Dice at 0.5 on the plain and on the shifted pairs, without the pixels that do not count."""
    net.eval()
    scores: dict[bool, list[float]] = {False: [], True: []}
    for check in checks:
        x = torch.from_numpy(check.image)[None, None].to(device)
        found = net(x)[0, 0].cpu().numpy() > 0
        scores[check.is_shifted].append(dice(found, check.mask, check.ignored))
    return float(np.nanmean(scores[False])), float(np.nanmean(scores[True]))


def _batch(cases: Samples, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Images (N, 1, Y, X), and as channels the masks and the pixels that do not count (N, 2, Y, X)."""
    index = chosen.numpy()
    labels = np.concatenate([cases.masks[index], 1 - cases.valid[index]], axis=1)
    return torch.from_numpy(cases.images[index]), torch.from_numpy(labels)


def check_fits(net: nn.Module, size: tuple[int, int]) -> None:
    """Raises UserError if a network cannot be trained with inputs of that size (Y, X)."""
    stride = cast(int, net.stride)
    if any(n < 1 or n % stride for n in size):
        raise UserError(
            f"The network cannot halve a size of {size[0]} × {size[1]} as often as it has to.",
            f"Choose multiples of {stride}.",
        )


def _is_exhausted(history: list[EpochEnded], config: TrainingConfig) -> bool:
    """Half of the epochs are over, and `patience` of them brought nothing better."""
    best = max((epoch.epoch for epoch in history if epoch.best), default=0)
    return len(history) > config.epochs // 2 and len(history) - best >= config.patience


def _early(net: nn.Module, config: TrainingConfig) -> list[nn.Module]:
    """The first two levels of the encoder, where style lives, if MixStyle is on."""
    return list(net.encoder[:2]) if config.mix_style else []  # type: ignore[index]


@torch.no_grad()
def blend(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Moves the running mean of the weights towards `net` by 1 - decay; whole numbers are copied."""
    for kept, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)
