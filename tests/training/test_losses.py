from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from napari_unet.training.losses import dice_and_cross_entropy

NO = torch.zeros(1, 1, 2, 2)


def _logit(p: list[list[float]]) -> Tensor:
    return torch.logit(torch.tensor(p))[None, None]


def test_numbers_worked_out_by_hand() -> None:
    logits = _logit([[0.8, 0.6], [0.3, 0.1]])
    masks = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    entropy = -sum(map(math.log, (0.8, 0.6, 0.7, 0.9))) / 4
    dice = (2 * (0.8 + 0.6) + 1) / (0.64 + 0.36 + 0.09 + 0.01 + 2 + 1)
    assert dice_and_cross_entropy(logits, masks).item() == pytest.approx(entropy + 1 - dice, abs=1e-6)


def test_pixels_that_are_not_valid_have_no_say() -> None:
    masks = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    valid = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    entropy = -(math.log(0.8) + math.log(0.7)) / 2
    dice = (2 * 0.8 + 1) / (0.64 + 0.09 + 1 + 1)
    for other in (0.01, 0.99):
        logits = _logit([[0.8, other], [0.3, other]])
        assert dice_and_cross_entropy(logits, masks, valid).item() == pytest.approx(
            entropy + 1 - dice, abs=1e-6
        )
    logits.requires_grad_()
    dice_and_cross_entropy(logits, masks, valid).backward()
    assert logits.grad[..., 1].abs().max() == 0
    assert logits.grad[..., 0].abs().min() > 0


def test_all_valid_is_the_same_as_not_said() -> None:
    logits, masks = torch.randn(3, 2, 5, 5), (torch.rand(3, 2, 5, 5) > 0.5).float()
    valid = torch.ones(3, 1, 5, 5)
    assert torch.allclose(dice_and_cross_entropy(logits, masks, valid), dice_and_cross_entropy(logits, masks))


def test_nothing_valid_is_finite() -> None:
    loss = dice_and_cross_entropy(torch.randn(1, 1, 2, 2), NO, valid=NO)
    assert loss.item() == 0


def test_classes_and_samples_count_alike() -> None:
    logits, masks = torch.randn(2, 3, 4, 4), (torch.rand(2, 3, 4, 4) > 0.5).float()
    single = [
        dice_and_cross_entropy(logits[n : n + 1, c : c + 1], masks[n : n + 1, c : c + 1])
        for n in range(2)
        for c in range(3)
    ]
    assert torch.allclose(dice_and_cross_entropy(logits, masks), torch.stack(single).mean())


def test_right_is_better_than_undecided_is_better_than_wrong() -> None:
    masks = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    right, wrong = 20 * (masks - 0.5), 20 * (0.5 - masks)
    losses = [dice_and_cross_entropy(logits, masks).item() for logits in (right, NO, wrong)]
    assert losses == sorted(losses)
    assert losses[0] < 0.01
    assert dice_and_cross_entropy(torch.full((1, 1, 2, 2), -20.0), NO).item() < 1e-6  # empty and found empty
