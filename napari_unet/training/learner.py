"""What training from a recipe and fine-tuning share: one step, one validation, weights as they are kept."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from napari_unet.core.volume_labels import likeliest_labels
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import build_net, check_fits, rounded_weights
from napari_unet.nets.further_answer import FurtherAnswer
from napari_unet.nets.mirrored import MirroredBorders
from napari_unet.nets.stages import stages_of
from napari_unet.training.augment import Augment
from napari_unet.training.augment_config import AugmentConfig
from napari_unet.training.losses import Loss, cross_entropy, dice_and_cross_entropy
from napari_unet.training.pixel_weights import in_balance
from napari_unet.training.precision import step_precision
from napari_unet.training.samples import Samples

THRESHOLDS = (0.5, 0.45, 0.55, 0.4, 0.6, 0.35, 0.65, 0.3, 0.7)
"""That are tried on validation images; the first of equals wins."""

Penalty = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""(network, batch, logits of what it learns) → what is added to the loss; for comparisons of methods."""


class Settings(Protocol):
    """What a step needs to know; TrainingConfig and AdaptConfig say it."""

    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def average(self) -> float: ...
    @property
    def seed(self) -> int: ...
    @property
    def augment(self) -> AugmentConfig: ...


class Learner:
    """A network while it learns the `output` of its card; channels of other outputs do not enter the loss.

    net : learns in place, on `device`; only `parameters` do (None: all). schedule : of the learning rate.
    size : of the images that the network sees in a step, at first the card's.
    average : running mean of the weights (Polyak 1992), shorter over the first steps, in evaluation mode.
    loss : of masks; findings of pictures have cross-entropy.
    precision : as in TrainingConfig, where that works (`step_precision`). momentum : of SGD; None: AdamW
    (Loshchilov 2019). balanced : see `pixel_weights.in_balance`. watched : whether `gradients` gets, for each
    stage of the network, the norm of its gradient in each step. free_biases : see TrainingConfig. Gradients
    have norm 1 at most. Everything random comes from `config.seed`.
    Raises UserError if the network is not the card's, or its size does not suit it.
    """

    def __init__(
        self,
        net: nn.Module,
        card: ModelCard,
        config: Settings,
        schedule: Callable[[Optimizer], LRScheduler],
        device: str = "cpu",
        parameters: Iterable[nn.Parameter] | None = None,
        loss: Loss = dice_and_cross_entropy,
        precision: str = "float32",
        momentum: float | None = None,
        balanced: bool = False,
        watched: bool = False,
        free_biases: bool = False,
    ) -> None:
        check_fits(net, card)
        if card.input.size is None:
            raise ValueError(f"{card.name} has no input size")
        self.size = card.input.size[0], card.input.size[1]
        torch.manual_seed(config.seed)
        self.net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.net).eval()
        self._own = card.channels_of(card.output)
        self._of_pictures = card.output.task == "classification"
        mirrored = [channel - self._own.start for channel in card.mirrored_channels[self._own]]
        self.augment = Augment(config.augment, config.seed, mirrored, hounsfield=card.in_hounsfield)
        self._precision = getattr(torch, step_precision(net, precision, str(device)))
        self._config, self._device, self._balanced = config, device, balanced
        self.gradients: dict[str, list[float]] = {}
        inner = net.net if isinstance(net, MirroredBorders) else net
        self._stages = dict(stages_of(inner)) if watched else {}
        self._loss = cross_entropy if self._of_pictures else loss
        self._parameters = list(net.parameters() if parameters is None else parameters)
        rate, decay = config.learning_rate, config.weight_decay
        groups = _without_decay_of_biases(self._parameters) if free_biases else self._parameters
        self.optimizer: Optimizer = (
            AdamW(groups, lr=rate, weight_decay=decay)
            if momentum is None
            else SGD(groups, lr=rate, weight_decay=decay, momentum=momentum)
        )
        self.schedule = schedule(self.optimizer)

    def step(self, images: Tensor, labels: Tensor, penalty: Penalty | None = None) -> float:
        """Learns from one batch (see `Samples.batch`); returns the loss, which may be no number."""
        if self._of_pictures:  # nothing in them moves along
            images, _ = self.augment(images, labels.new_zeros(images[:, :1].shape), self.size)
        else:
            images, labels = self.augment(images, labels, self.size)
        images = images.to(self._device, memory_format=torch.channels_last)
        labels = labels.to(self._device)
        self.net.train()
        with torch.autocast(
            torch.device(self._device).type, self._precision, enabled=self._precision != torch.float32
        ):
            logits = answer_of(self.net, images, self._own)
            if self._of_pictures:
                logits = self.net.pool(logits)[..., None, None]
        logits = logits.float()
        masks, valid = self._counting(labels)
        loss = self._loss(logits, masks, valid)
        if penalty is not None:
            loss = loss + penalty(self.net, images, logits)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for name, stage in self._stages.items():
            norms = [torch.linalg.vector_norm(p.grad) for p in stage.parameters() if p.grad is not None]
            self.gradients.setdefault(name, []).append(float(torch.stack(norms).norm()) if norms else 0.0)
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self.optimizer.step()
        self.schedule.step()
        done = self.schedule.last_epoch  # steps so far
        _blend(self.average, self.net, min(self._config.average, done / (done + 10)))
        return loss.item()

    def _counting(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The masks in a batch, and how much each pixel counts; of pictures, which findings are known."""
        classes = self._own.stop - self._own.start
        if self._of_pictures:
            masks, unknown = labels.tensor_split(2, dim=1)
            return masks, 1 - unknown
        masks, ignored, weights = labels.tensor_split((classes, classes + 1), dim=1)
        valid = 1 - ignored
        if self._balanced:
            valid = in_balance(masks, valid, self.augment.generator)
        return masks, valid * (1 + weights) if weights.shape[1] else valid

    def weights(self) -> dict[str, Tensor]:
        """The running mean as a state dict on the CPU."""
        return {name: value.detach().cpu().clone() for name, value in self.average.state_dict().items()}


def _without_decay_of_biases(parameters: list[nn.Parameter]) -> list[dict[str, Any]]:
    free = [parameter for parameter in parameters if parameter.ndim == 1]
    others = [parameter for parameter in parameters if parameter.ndim > 1]
    return [{"params": others}, {"params": free, "weight_decay": 0.0}]


def answer_of(net: nn.Module, images: Tensor, own: slice) -> Tensor:
    """The logits of the channels that learn; of a FurtherAnswer, without the work for earlier ones."""
    found: Tensor = net.last(images) if isinstance(net, FurtherAnswer) else net(images)[:, own]
    return found


@torch.inference_mode()
def label_dice(net: nn.Module, samples: Samples, card: ModelCard, device: str = "cpu") -> tuple[float, ...]:
    """Mean Dice of each label of the card's `output` on images at the network's size; nan without an answer.

    Read as `Prediction.labels` does at a threshold of 0.5.
    Pixels that are not valid are ignored. Slices of one volume count together, as one image.
    """
    net.eval()
    own = card.channels_of(card.output)
    both: dict[int, np.ndarray] = defaultdict(lambda: np.zeros((2, samples.masks.shape[1])))
    for image, masks, valid, volume in zip(
        samples.images, samples.masks, samples.valid, samples.volumes, strict=True
    ):
        x = torch.from_numpy(image)[None].to(device)
        probability = torch.sigmoid(answer_of(net, x, own)[0]).cpu().numpy()
        labels = likeliest_labels(probability, range(1, len(masks) + 1), 0.5)
        for k, mask in enumerate(masks):
            drawn, real = (labels == k + 1) & (valid[0] > 0), (mask > 0) & (valid[0] > 0)
            common = np.count_nonzero(drawn & real)
            both[volume][:, k] += 2 * common, np.count_nonzero(drawn) + np.count_nonzero(real)
    found = [[a / b if b else float("nan") for a, b in zip(*sums, strict=True)] for sums in both.values()]
    return tuple(mean_of(column) for column in zip(*found, strict=True))


def mean_of(values: Iterable[float]) -> float:
    """Of those that are numbers; nan if none is."""
    known = [value for value in values if value == value]
    return float(np.mean(known)) if known else float("nan")


def mean_dice(net: nn.Module, samples: Samples, card: ModelCard, device: str = "cpu") -> float:
    """The mean of `label_dice` over the labels."""
    return mean_of(label_dice(net, samples, card, device))


def as_saved(card: ModelCard, weights: dict[str, Tensor]) -> nn.Module:
    """The network as it will be read back: weights rounded to half precision; in evaluation mode."""
    net = build_net(card.net)
    stored = rounded_weights(weights, card.net)
    net.load_state_dict({k: v.float() if v.dtype.is_floating_point else v for k, v in stored.items()})
    return net.eval()


@torch.no_grad()
def _blend(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Moves the running mean of the weights towards `net` by 1 - decay; whole numbers are copied."""
    for kept, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)
