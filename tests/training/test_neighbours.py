"""Models that see a slice with its neighbours: their replay set as their judge, and recipes for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from net_fakes import TINY, PointNet, card, lungs, xray
from tuning_fakes import HOME, SIDE

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.steps import run
from napari_unet.inference.predictor import Predictor
from napari_unet.models.card import NetSpec
from napari_unet.models.replay_set import ReplayItem, ReplaySet
from napari_unet.training.acceptance import measure_replay_set
from napari_unet.training.recipe import DataConfig, Recipe
from napari_unet.training.run import train_model

RULE = InputRule(size=(SIDE, SIDE), neighbours=1)
CARD = card(name="slices", net=NetSpec(arguments={**TINY, "channels": 3}), input=RULE, data=(HOME,))


def _replay_set(count: int = 4) -> ReplaySet:
    mask = lungs(SIDE, SIDE)
    slices = np.stack([xray(mask, 50 + k) for k in range(3 * count)]).reshape(count, 3, SIDE, SIDE)
    items = tuple(
        ReplayItem("replay" if k % 2 else "gate", f"home-{k}", f"{k:064x}", 0, HOME.name)
        for k in range(count)
    )
    labels = np.repeat(mask[None].astype(np.uint8), count, axis=0)
    return ReplaySet((slices * 255).astype(np.uint8), labels, items, (HOME,))


def test_what_it_remembers_is_judged_by_the_slice_in_the_middle() -> None:
    net = PointNet(lambda x: 40 * (0.5 - x[:, 1:2]))  # what is dark in the middle
    net.channels = 3
    replay_set = _replay_set()
    replay_set.images[:, [0, 2]] = 255 - replay_set.images[:, [0, 2]]
    predictor = Predictor(net, CARD, torch.device("cpu"))
    found = run(measure_replay_set(predictor, predictor, replay_set))
    assert len(found) == len(replay_set)
    for case in found:
        assert (case.values[0].old, case.values[0].new) == (1, 1)
        assert case.masks is not None and case.masks.image.shape == (SIDE, SIDE)


def test_a_recipe_whose_network_has_other_channels_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    recipe = Recipe("mine", (DataConfig(str(tmp_path / "nowhere")),), RULE, NetSpec(arguments=TINY))
    with pytest.raises(UserError, match="does not take 3 slices"):
        next(train_model(recipe, tmp_path / "mine", device="cpu"))
