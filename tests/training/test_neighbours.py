"""Models that see a slice with its neighbours: their samples, and what they remember as their judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from net_fakes import TINY, PointNet, card, lungs, xray
from tuning_fakes import HOME, SIDE

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.predictor import Predictor
from napari_unet.models.card import NetSpec
from napari_unet.models.memory import Memory, MemoryItem
from napari_unet.training.config import DataConfig, Recipe
from napari_unet.training.gate import measure_memory
from napari_unet.training.run import train_model
from napari_unet.training.samples import labelled

RULE = InputRule(size=(SIDE, SIDE), neighbours=1)
CARD = card(name="slices", net=NetSpec(arguments={**TINY, "channels": 3}), input=RULE, data=(HOME,))


def _stack(k: int) -> TrainingPair:
    """Four slices, two of which somebody stands for."""
    mask = lungs(40, 48)
    pixels = np.stack([xray(mask, 10 * k + z) for z in range(4)])
    labels = np.repeat(mask[None].astype(np.uint8), 4, axis=0)
    hashes = {"content_hash": f"{1000 + k:064x}", "revision": f"{2000 + k:064x}"}
    return TrainingPair(f"case-{k}", Raster(pixels), labels, f"patient-{k}", slices=(0, 2), **hashes)


def _memory(count: int = 4) -> Memory:
    mask = lungs(SIDE, SIDE)
    slices = np.stack([xray(mask, 50 + k) for k in range(3 * count)]).reshape(count, 3, SIDE, SIDE)
    items = tuple(
        MemoryItem("replay" if k % 2 else "gate", f"home-{k}", f"{k:064x}", 0, HOME.name)
        for k in range(count)
    )
    labels = np.repeat(mask[None].astype(np.uint8), count, axis=0)
    return Memory((slices * 255).astype(np.uint8), labels, items, (HOME,))


def test_a_sample_is_a_slice_with_its_neighbours() -> None:
    found = labelled([_stack(0)], CARD, oversize=False)
    assert found.images.shape == (2, 3, SIDE, SIDE) and found.masks.shape == (2, 1, SIDE, SIDE)
    np.testing.assert_array_equal(found.images[0, 0], found.images[0, 1])  # there is nothing above the first
    assert not np.array_equal(found.images[1, 0], found.images[1, 1])


def test_what_it_remembers_is_judged_by_the_slice_in_the_middle() -> None:
    net = PointNet(lambda x: 40 * (0.5 - x[:, 1:2]))  # what is dark in the middle
    net.channels = 3
    memory = _memory()
    memory.images[:, [0, 2]] = 255 - memory.images[:, [0, 2]]
    predictor = Predictor(net, CARD, torch.device("cpu"))
    found = run(measure_memory(predictor, predictor, memory))
    assert len(found) == len(memory)
    for case in found:
        assert (case.values[0].old, case.values[0].new) == (1, 1)
        assert case.masks is not None and case.masks.image.shape == (SIDE, SIDE)


def test_a_recipe_whose_network_has_other_channels_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    recipe = Recipe("mine", DataConfig(str(tmp_path / "nowhere")), RULE, NetSpec(arguments=TINY))
    with pytest.raises(UserError, match="does not take 3 slices"):
        next(train_model(recipe, tmp_path / "mine", device="cpu"))
