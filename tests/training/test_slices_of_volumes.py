"""Recipes for CT: which slices train, how volumes are scored, what is changed in Hounsfield units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from net_fakes import PointNet, card, tiny_net

from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.training.augment import Augment
from napari_unet.training.augment_config import AugmentConfig
from napari_unet.training.data_folder import find_pairs
from napari_unet.training.learner import Learner, label_dice
from napari_unet.training.recipe import DataConfig
from napari_unet.training.samples import Samples, SliceChoice
from napari_unet.training.shifts import CT_SHIFTS, SHIFTS, shifts_of

CT = card(input=InputRule(size=(32, 32)), intensity=IntensityRule("window", -1024, 400), modalities=("CT",))


def test_a_share_of_the_empty_slices_trains_spread_over_the_volume() -> None:
    drawn = [False] * 4 + [True] * 3 + [False] * 4
    assert SliceChoice().of(drawn) == list(range(11))
    assert SliceChoice(empty=0.5).of(drawn) == [0, 2, 4, 5, 6, 7, 9]
    assert SliceChoice(empty=0).of(drawn) == [4, 5, 6]
    assert SliceChoice(every=4).of(drawn) == [2, 6, 10]


def test_a_manifest_may_call_its_columns_otherwise(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        for name in ("a.nii.gz", "b.nii.gz"):
            (tmp_path / folder / name).write_bytes(b"x")
    (tmp_path / "manifest.csv").write_text("case,slices,split\na,9,train\nb,9,val\n")
    data = DataConfig(str(tmp_path), columns={"file": "case", "patient": "case"})
    assert [(pair.id, pair.patient, pair.split) for pair in find_pairs(data)] == [
        ("a.nii.gz", "a", "train"),
        ("b.nii.gz", "b", "val"),
    ]
    with pytest.raises(ValueError, match="none of file, patient, split"):
        DataConfig(str(tmp_path), columns={"name": "case"})


def test_slices_of_one_volume_are_scored_together() -> None:
    net = PointNet(lambda x: 40 * (0.5 - x))  # what is dark
    images = np.ones((3, 1, 32, 32), np.float32)
    masks = np.zeros_like(images)
    images[0, :, :16], masks[0, :, :16] = 0, 1
    images[1, :, :2] = 0  # two rows too many, in a slice without any
    images[2, :, :8], masks[2, :, :16] = 0, 1
    valid = np.ones_like(masks)
    alone = label_dice(net, Samples(images, masks, valid), CT)
    together = label_dice(net, Samples(images, masks, valid, origins=(0, 0, 1)), CT)
    assert alone[0] == pytest.approx((1 + 0 + 2 / 3) / 3)
    assert together[0] == pytest.approx((32 / 34 + 2 / 3) / 2)


def test_grey_values_of_ct_are_not_scaled_again() -> None:
    images = torch.full((4, 1, 48, 48), 0.4)
    images[..., 20:28, 20:28] = 0.5
    masks = torch.zeros(4, 2, 48, 48)
    still = AugmentConfig(
        strength=0,
        **dict.fromkeys(("flip", "reframe", "elastic", "opacity"), 0.0),
        curve=1,
        field=1,
        random_convolution=1,
        detail=0,
        noise=0,
        effusion=1,
        cover=0,
    )
    same, _ = Augment(still, 0, hounsfield=True)(images, masks, (32, 32))
    middle = same[..., 2:-2, 2:-2]
    assert middle.min() > 0.39 and middle.max() < 0.51
    scaled, _ = Augment(still, 0)(images, masks, (32, 32))
    assert scaled.max() > 0.9


def test_ct_has_simulated_scanners_of_its_own() -> None:
    assert CT.in_hounsfield and shifts_of(CT) == CT_SHIFTS
    for other in (card(), card(intensity=IntensityRule("window", 0, 1))):
        assert not other.in_hounsfield and shifts_of(other) == SHIFTS


def test_a_step_in_bfloat16_learns_float32_weights() -> None:
    config = AugmentConfig()
    settings = type(
        "S", (), {"learning_rate": 1e-2, "weight_decay": 0.0, "average": 0.5, "seed": 0, "augment": config}
    )

    def schedule(optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
        return torch.optim.lr_scheduler.ConstantLR(optimizer)

    torch.manual_seed(0)
    learner = Learner(tiny_net(), CT, settings(), schedule, precision="bfloat16")
    before = {name: value.clone() for name, value in learner.net.state_dict().items()}
    assert np.isfinite(learner.step(torch.rand(2, 1, 48, 48), torch.zeros(2, 2, 48, 48)))
    after = learner.net.state_dict()
    assert all(value.dtype == before[name].dtype for name, value in after.items())
    assert any(not torch.equal(value, before[name]) for name, value in after.items())
