"""Steps in half the precision, where that does not end the process."""

from __future__ import annotations

import torch
from net_fakes import tiny_net
from torch import nn

from napari_unet.core.input_rule import InputRule
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.nets.ciresan import SlidingWindow
from napari_unet.nets.mirrored import MirroredBorders
from napari_unet.training.augment_config import AugmentConfig
from napari_unet.training.config import TrainingConfig
from napari_unet.training.learner import Learner
from napari_unet.training.precision import step_precision


def test_dilated_networks_are_trained_in_full_precision_on_a_processor() -> None:
    window = MirroredBorders(SlidingWindow(window=65, maps=2, hidden=2))
    assert step_precision(window, "bfloat16", "cpu") == "float32"
    assert step_precision(window, "bfloat16", "cuda:0") == "bfloat16"
    assert step_precision(tiny_net(), "bfloat16", "cpu") == "bfloat16"
    assert step_precision(tiny_net(), "float32", "cpu") == "float32"
    assert step_precision(nn.Linear(1, 1), "bfloat16", "cpu") == "bfloat16"


def test_a_window_learns_although_its_recipe_says_bfloat16() -> None:
    """On some processors this step ended the process."""
    spec = NetSpec(kind="sliding-window", arguments={"window": 65, "maps": 2, "hidden": 2})
    card = ModelCard(name="window", net=spec, input=InputRule(size=(64, 64)))
    net = MirroredBorders(SlidingWindow(window=65, maps=2, hidden=2))
    config = TrainingConfig(epochs=1, augment=AugmentConfig())
    seen: list[torch.dtype] = []
    net.net.encoder[2].register_forward_hook(lambda _m, _i, out: seen.append(out.dtype))

    def schedule(optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
        return torch.optim.lr_scheduler.ConstantLR(optimizer)

    learner = Learner(net, card, config, schedule, precision="bfloat16")
    assert learner.step(torch.rand(1, 1, 64, 64), torch.zeros(1, 2, 64, 64)) >= 0
    assert seen == [torch.float32]
