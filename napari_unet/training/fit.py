"""The training loop."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from napari_unet.core.errors import UserError
from napari_unet.core.events import EpochEnded
from napari_unet.core.label_set import LUNGS
from napari_unet.inference.prepare import ahead
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import bare_net, check_fits
from napari_unet.training.config import TrainingConfig
from napari_unet.training.learner import Learner, label_dice, mean_of
from napari_unet.training.losses import LOSSES
from napari_unet.training.pictures import finding_auc
from napari_unet.training.pixel_weights import with_border_weights
from napari_unet.training.resume import load_state, save_state
from napari_unet.training.samples import Samples
from napari_unet.training.shifts import shifted, shifts_of
from napari_unet.training.sources import Epoch
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
    card: ModelCard,
    config: TrainingConfig,
    state: Path | None = None,
    device: str = "cpu",
    seen: Epoch | None = None,
    renewed: Callable[[int], Samples] | None = None,
) -> Generator[EpochEnded, None, TrainingResult]:
    """Trains `net` and yields after each epoch; with `state`, the best weights are on disk before the yield.

    train, val : at 1.5 times the card's input size, and at that size. state : a folder in which a broken-off
    training is found again and goes on where it stopped. seen : which images an epoch sees (None: each once).
    renewed : gives what takes the place of `train` in an epoch, counted from 1; as many samples. The best
    epoch has the highest mean of Dice on `val` and Dice on `val` under simulated shifts (shifts.py), with
    averaged weights; where findings are learned, of the area under the ROC curve. One cycle of the learning
    rate (Smith 2018). Raises UserError if the net is not the card's, if `state` belongs to other settings, or
    if the loss is no longer a number; the best weights so far stay in `state`.
    """
    seen = seen or Epoch(((len(train), len(train)),))
    steps = max(1, round(len(seen) / config.batch))
    total = max(6, config.epochs * steps)  # OneCycleLR divides by zero where its warm-up is one step of five
    momentum = config.momentum if config.optimiser == "sgd" else None
    cycle = partial(
        OneCycleLR,
        max_lr=config.learning_rate,
        total_steps=total,
        pct_start=0.2,
        cycle_momentum=momentum is None,
    )
    learner = Learner(
        net,
        card,
        config,
        cycle,
        device,
        loss=LOSSES[config.loss],
        precision=config.precision,
        parameters=_learning(net, config.frozen),
        momentum=momentum,
        balanced=config.balanced_pixels,
        watched=config.gradients,
        free_biases=config.free_biases,
    )
    whole = learner.size
    train = with_border_weights(train, config.border_weights, whole)
    generator = learner.augment.generator
    best = {name: value.cpu().clone() for name, value in net.state_dict().items()}
    history: list[EpochEnded] = []
    settings = {"training": config.plain(), "size": list(card.input.size or ()), "images": len(train)}
    if card.output.labels != LUNGS:
        settings["labels"] = card.output.labels.in_words()
    if seen.parts != ((len(train), len(train)),):
        settings["seen"] = [list(part) for part in seen.parts]
    small_epochs = round(config.half_size * config.epochs)
    small = _half(card) if small_epochs else whole
    if state is not None:
        history = load_state(state, learner, best, settings)
    moved = simulated(val, card)
    of_pictures = card.output.task == "classification"
    measured, measure = (finding_auc, "AUC") if of_pictures else (label_dice, "Dice")
    first_changed = round(config.volumes.after * config.epochs) + 1
    with (
        mixed_style(_early(net, config), config.mix_style, generator),
        closing(_ahead(renewed, max(first_changed, len(history) + 1), config.epochs)) as following,
    ):
        for epoch in range(len(history) + 1, config.epochs + 1):
            if _is_exhausted(history, config):
                break
            learner.size = small if epoch <= small_epochs else whole
            if renewed is not None and epoch >= first_changed:
                train = with_border_weights(next(following)(), config.border_weights, whole)
            learner.gradients.clear()
            order = seen.order(generator)
            losses = [learner.step(*train.batch(chosen.tolist())) for chosen in order.tensor_split(steps)]
            if not np.isfinite(losses).all():
                raise UserError(
                    f"Training stopped in epoch {epoch}: the loss is not a number.",
                    "Lower the learning rate.",
                )
            due = epoch > small_epochs and (epoch % config.check_every == 0 or epoch == config.epochs)
            plain, under_shifts = (
                measured(learner.average, samples, card, device) if due else () for samples in (val, moved)
            )
            score = (mean_of(plain) + mean_of(under_shifts)) / 2
            top = max([(e.val_dice + e.shifted_dice) / 2 for e in history if e.best], default=-1.0)
            ended = EpochEnded(
                epoch,
                config.epochs,
                float(np.mean(losses)),
                mean_of(plain),
                mean_of(under_shifts),
                due and score > top,
                plain,
                measure,
                tuple((name, float(np.mean(norms))) for name, norms in learner.gradients.items()),
            )
            history.append(ended)
            if ended.best:
                best = learner.weights()
            if state is not None:
                save_state(state, learner, best, settings, history)
            yield ended
    return TrainingResult(best, tuple(history))


def _learning(net: nn.Module, frozen: int) -> list[nn.Parameter] | None:
    """The parameters that learn: None for all. The others are marked, so that no gradient is computed."""
    if not frozen:
        return None
    levels = [*net.encoder, net.bottleneck]  # type: ignore[misc]
    for level in levels[:frozen]:
        level.requires_grad_(False)
    return [parameter for parameter in net.parameters() if parameter.requires_grad]


def _ahead(
    renewed: Callable[[int], Samples] | None, first: int, last: int
) -> Generator[Callable[[], Samples], None, None]:
    """What gives the samples of the epochs `first` to `last`; the next are made meanwhile."""
    if renewed is not None:
        yield from ahead(renewed, last + 1 - first, first)


def _half(card: ModelCard) -> tuple[int, int]:
    """Half of the card's input size. Raises UserError if its network does not take that."""
    height, width = card.input.size or ()
    try:
        check_fits(bare_net(card.net), card.model_copy(update={"input": card.input.larger(0.5)}))
    except UserError as error:
        raise UserError(
            f"The network does not take half of its input size of {height} × {width}.",
            "Set `half_size` to 0, or choose another size.",
        ) from error
    return height // 2, width // 2


def simulated(val: Samples, card: ModelCard) -> Samples:
    """The validation images under each simulated shift. card : of the model that sees them."""
    if card.output.task == "classification":
        nothing = np.zeros((1, *val.images.shape[2:]), bool)
        shifts = shifts_of(card)
        images = np.stack(
            [[shifted(one, nothing, name)[0] for one in image] for name in shifts for image in val.images]
        )
        masks, valid = (np.concatenate([part] * len(shifts)) for part in (val.masks, val.valid))
        return Samples(images, masks, valid)
    moved: list[list[tuple[np.ndarray, np.ndarray]]] = []
    volumes: list[int] = []
    for number, name in enumerate(shifts_of(card)):
        for slices, masks, valid in zip(val.images, val.masks, val.valid, strict=True):
            labels = np.concatenate([masks > 0, valid == 0])
            moved.append([shifted(image, labels, name) for image in slices])
        volumes += [number * (max(val.volumes) + 1) + volume for volume in val.volumes]
    images = np.stack([[image for image, _ in slices] for slices in moved])
    masks = np.stack([slices[0][1] for slices in moved]).astype(np.float32)
    return Samples(images, masks[:, :-1], 1 - masks[:, -1:], tuple(volumes))


def _is_exhausted(history: list[EpochEnded], config: TrainingConfig) -> bool:
    """Half of the epochs are over, and `patience` of them brought nothing better than a score before."""
    best = max((epoch.epoch for epoch in history if epoch.best), default=len(history))
    return len(history) > config.epochs // 2 and len(history) - best >= config.patience


def _early(net: nn.Module, config: TrainingConfig) -> list[nn.Module]:
    """The first two levels of the encoder, where style lives, if MixStyle is on."""
    return list(net.encoder[:2]) if config.mix_style else []  # type: ignore[index]
