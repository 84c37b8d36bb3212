"""The step that training from a recipe and fine-tuning share."""

from __future__ import annotations

from math import isnan, nan

import pytest
import torch
from net_fakes import TINY, card, tiny_samples

from napari_unet.core.input_rule import InputRule
from napari_unet.nets.unet import UNet
from napari_unet.training.adapt import adapt
from napari_unet.training.adapt_config import AdaptConfig
from napari_unet.training.config import TrainingConfig
from napari_unet.training.fit import fit
from napari_unet.training.learner import mean_dice, mean_of

CARD = card(input=InputRule(size=(32, 32)))
HELD_OUT = tiny_samples(2, side=32)


def test_a_recipe_trains_as_it_did_before_the_step_was_shared() -> None:
    """Numbers of the version that had two loops: loss, Dice, Dice under simulated shifts."""
    torch.manual_seed(0)
    net = UNet(**{**TINY, "dropout": 0.2})
    config = TrainingConfig(epochs=3, batch=2, check_every=1, mix_style=0.5, learning_rate=3e-3)
    found = [
        (epoch.loss, epoch.val_dice, epoch.shifted_dice)
        for epoch in fit(net, tiny_samples(4), HELD_OUT, CARD, config)
    ]
    before = [(1.473583, 0.411060, 0.413589), (1.231393, 0.514032, 0.500129), (1.290411, 0.583610, 0.546161)]
    for now, then in zip(found, before, strict=True):
        assert now == pytest.approx(then, abs=2e-3)  # processors round differently


def test_a_fine_tune_learns_as_it_did_before_the_step_was_shared() -> None:
    """The same: loss, Dice of held-out cases."""
    torch.manual_seed(0)
    config = AdaptConfig(steps=4, batch=4, check_every=2)
    steps = adapt(UNet(**TINY), tiny_samples(3), HELD_OUT, config, CARD, held_out=HELD_OUT)
    found = [(step.loss, step.new_dice) for step in steps]
    before = [(1.134539, nan), (1.162388, 0.416907), (1.163538, nan), (1.149509, 0.529747)]
    for now, then in zip(found, before, strict=True):
        assert now == pytest.approx(then, abs=2e-3, nan_ok=True)


def test_a_mean_leaves_out_what_has_no_answer() -> None:
    assert mean_of([0.5, nan, 1.0]) == 0.75
    assert isnan(mean_of([nan])) and isnan(mean_dice(UNet(**TINY), HELD_OUT.subset([]), CARD))
