"""Settings of one fine-tune, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

from pydantic import ConfigDict

from napari_unet.training.augment_config import AugmentConfig

GENTLE = AugmentConfig(
    strength=0.5,
    reframe=0,
    elastic=0.3,
    curve=0,
    field=0,
    random_convolution=0,
    detail=0,
    noise=0,
    opacity=0,
    effusion=0,
    cover=0,
)
"""Small changes of place and shape only. The looks of an image tell whose it is, and so by which protocol its
mask was drawn; changing them took 0.02 of Dice on the new images and 0.03 on the old ones."""


VARIED = AugmentConfig(effusion=0)
"""For one answer to one protocol: looks need not tell which applies, and those of a third hospital are met
better. Without fluid that takes hidden lung out of a mask: whether that counts is for the protocol to say."""


@dataclass(frozen=True)
class AdaptConfig:
    """How a model is fitted to new images. A step sees one batch.

    steps : how many, whatever there is to learn from. per_image : steps for each new image, where that makes
    more; most : but no more than these (see `for_images`). replay : share of each batch that comes from the
    images of the parent's replay set (Rebuffi 2017, section 3.1: rehearsal). frozen : stages of the encoder
    that keep the parent's weights, from the first. average : decay of the running mean of the weights, which
    is what is kept (shorter over the first steps). check_every : steps between two scores. folds : trainings
    on a part of the cases, each scored on the others, for the acceptance test.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    steps: int = 46
    per_image: float = 0.0
    most: int = 5000
    batch: int = 6
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    replay: float = 0.5
    frozen: int = 0
    loss: Literal["dice and cross-entropy", "cross-entropy"] = "dice and cross-entropy"
    average: float = 0.9
    check_every: int = 10
    folds: int = 2
    seed: int = 0
    augment: AugmentConfig = GENTLE

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "check_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.per_image < 1000:
            raise ValueError(f"per_image must lie in 0..1000, got {self.per_image}")
        if self.folds < 2:
            raise ValueError(f"folds must be at least 2, got {self.folds}")
        if self.frozen < 0:
            raise ValueError(f"frozen must not be negative, got {self.frozen}")
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"learning_rate must lie between 0 and 1, got {self.learning_rate}")
        for name in ("weight_decay", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in 0..1, got {getattr(self, name)}")
        if not 0 <= self.replay <= 0.9:
            raise ValueError(f"replay must lie in 0..0.9, got {self.replay}")

    def for_images(self, count: int) -> AdaptConfig:
        """The same for a training on `count` new images: `steps` is how many are made."""
        wanted = min(self.most, ceil(self.per_image * count))
        return replace(self, steps=max(self.steps, wanted), per_image=0.0)

    def for_further_answer(self) -> AdaptConfig:
        """The same for parts beside a network that stays as it is.

        Nothing can be forgotten: what is replayed says where no lung is in another place
        (`training.undisputed`). The looks of images, too, are changed (`VARIED`), where the settings say
        nothing else. A step costs less, so there are more of them.
        """
        augment = VARIED if self.augment == GENTLE else self.augment
        more = MORE if self.per_image else 1  # without, the steps are what somebody asked for
        faster = min(FASTER * self.learning_rate, 0.5)
        return replace(
            self,
            steps=round(more * self.steps),
            per_image=more * self.per_image,
            most=round(more * self.most),
            frozen=0,
            learning_rate=faster,
            augment=augment,
        )


FASTER = 3
"""Parts of their own learn at so many times the rate: nothing that the parent knows can be lost."""

MORE = 1.4
"""So many times the steps: the parent's decoder does not run in them, and its encoder learns nothing."""

PRESETS = {
    "quick": AdaptConfig(steps=32, per_image=5.75, most=150, folds=3),
    "thorough": AdaptConfig(steps=150, per_image=15, most=450, check_every=25, folds=4),
}
"""The steps of the presets; what they take in minutes is measured on the machine at hand."""
