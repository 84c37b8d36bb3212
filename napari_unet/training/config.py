"""How one training goes: its settings, checked when they are made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from pydantic import ConfigDict

from napari_unet.core.border_weights import BorderWeights
from napari_unet.training.augment_config import AugmentConfig, VolumeConfig


@dataclass(frozen=True)
class TrainingConfig:
    """How the weights are found. One epoch sees every training image once, in batches of about
    `batch`.

    volumes : how CT volumes change before slices are cut out of them, again in each epoch. mix_style :
    probability per batch that two samples exchange the style of their first feature maps. average : decay of
    the running mean of the weights, per step (shorter over the first steps). patience : epochs without a
    better score after which training stops; only counted after half of the epochs. check_every : epochs
    between two validations. half_size : share of the epochs, the first ones, that train at half the input
    size, where a step takes a quarter of the time; they are not validated. empty_slices : of volumes, the
    share of the slices without any label that trains. val_slices : of volumes, every how-many-th slice
    validates. second_cycle : epochs that follow from the best weights, with a second cycle of half the
    learning rate; all of them at the whole size, with changed volumes; 0: none. The better of both is kept.
    precision : of the multiplications in a step; bfloat16 takes a quarter of the time on processors that have
    it. Weights are float32 all the same. loss : by its name in `losses.LOSSES`. optimiser : adamw, whose
    momentum follows the cycle, or sgd, with the `momentum` given (0.99 as in 2015). border_weights : None, or
    how much more the pixels between objects that nearly touch count. balanced_pixels : in each image only as
    many pixels of each label, and of none, count as there are of the rarest; they are drawn again in each
    step. gradients : the norm of the gradient of each stage of the network is measured, and is in the curves.
    frozen : so many levels, the finest of the encoder first and its bottleneck last, keep the weights with
    which they begin. free_biases : weight decay leaves biases alone: with much of it, a network that cannot
    move them would learn how often each source has a finding from what distinguishes the sources.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")  # a setting that is misspelt must not be passed over

    epochs: int = 60
    batch: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    mix_style: float = 0.0
    average: float = 0.995
    patience: int = 20
    check_every: int = 2
    half_size: float = 0.0
    second_cycle: int = 0
    empty_slices: float = 1.0
    val_slices: int = 1
    precision: Literal["float32", "bfloat16"] = "float32"
    loss: Literal["dice and cross-entropy", "cross-entropy"] = "dice and cross-entropy"
    optimiser: Literal["adamw", "sgd"] = "adamw"
    momentum: float = 0.99
    border_weights: BorderWeights | None = None
    balanced_pixels: bool = False
    gradients: bool = False
    frozen: int = 0
    free_biases: bool = False
    seed: int = 0
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    volumes: VolumeConfig = field(default_factory=VolumeConfig)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "patience", "check_every", "val_slices"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"learning_rate must lie between 0 and 1, got {self.learning_rate}")
        if not 0 <= self.weight_decay < 1:
            raise ValueError(f"weight_decay must lie in 0..1, got {self.weight_decay}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must lie in 0..1, got {self.momentum}")
        if not 0 <= self.average < 1:
            raise ValueError(f"average must lie in 0..1, got {self.average}")
        if not 0 <= self.mix_style <= 1:
            raise ValueError(f"mix_style must lie in 0..1, got {self.mix_style}")
        if not 0 <= self.half_size < 1:
            raise ValueError(f"half_size must be at least 0 and less than 1, got {self.half_size}")
        if self.frozen < 0:
            raise ValueError(f"frozen must not be negative, got {self.frozen}")
        if self.second_cycle < 0:
            raise ValueError(f"second_cycle must not be negative, got {self.second_cycle}")
        if not 0 <= self.empty_slices <= 1:
            raise ValueError(f"empty_slices must lie in 0..1, got {self.empty_slices}")

    def plain(self) -> dict[str, Any]:
        """The settings as JSON gives them back: lists, no tuples."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return found

    @property
    def following(self) -> TrainingConfig | None:
        """The settings of the second cycle; None if there is none."""
        if not self.second_cycle:
            return None
        return replace(
            self,
            epochs=self.second_cycle,
            second_cycle=0,
            learning_rate=self.learning_rate / 2,
            half_size=0.0,
            seed=self.seed + 1,
            volumes=replace(self.volumes, after=0.0),
        )
