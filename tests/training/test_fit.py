from __future__ import annotations

from collections.abc import Generator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from net_fakes import TINY, card, tiny_net, tiny_samples
from torch import Tensor, nn

from napari_unet.core.border_weights import BorderWeights
from napari_unet.core.errors import UserError
from napari_unet.core.events import EpochEnded
from napari_unet.core.input_rule import InputRule
from napari_unet.nets.unet import UNet
from napari_unet.training import learner as module
from napari_unet.training.augment_config import AugmentConfig, VolumeConfig
from napari_unet.training.config import TrainingConfig
from napari_unet.training.fit import TrainingResult, fit, simulated
from napari_unet.training.learner import Learner, mean_dice
from napari_unet.training.samples import Samples

CARD = card(input=InputRule(size=(32, 32)))
STILL = AugmentConfig(0, *[0.0] * (len(fields(AugmentConfig)) - 1))
CONFIG = TrainingConfig(epochs=4, batch=2, check_every=1, mix_style=0.5, learning_rate=3e-3)
TRAIN, VAL = tiny_samples(4), tiny_samples(2, side=32)


def _fresh(seed: int = 0, **arguments: Any) -> UNet:
    torch.manual_seed(seed)
    return UNet(**{**TINY, "dropout": 0.2, **arguments})


def _run(steps: Generator[EpochEnded, None, TrainingResult]) -> TrainingResult:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def _equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_two_seeded_trainings_are_equal_bit_by_bit() -> None:
    one, two = (_run(fit(_fresh(), TRAIN, VAL, CARD, CONFIG)) for _ in range(2))
    assert one.history == two.history
    assert _equal(one.weights, two.weights)
    other = _run(fit(_fresh(), TRAIN, VAL, CARD, replace(CONFIG, seed=1)))
    assert not _equal(one.weights, other.weights)


def test_it_learns() -> None:
    config = replace(CONFIG, epochs=20, check_every=10, learning_rate=0.03, mix_style=0.0, average=0.9)
    result = _run(fit(_fresh(base=4, widest=16, dropout=0.0), tiny_samples(8), VAL, CARD, config))
    losses = [epoch.loss for epoch in result.history]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    assert result.best.val_dice > 0.85


def test_epochs_are_counted_and_validated_when_due() -> None:
    result = _run(fit(_fresh(), TRAIN, VAL, CARD, replace(CONFIG, epochs=5, check_every=2)))
    assert [epoch.epoch for epoch in result.history] == [1, 2, 3, 4, 5]
    assert {epoch.epochs for epoch in result.history} == {5}
    assert [np.isfinite(epoch.val_dice) for epoch in result.history] == [False, True, False, True, True]
    assert not any(epoch.best for epoch in result.history if not np.isfinite(epoch.val_dice))
    assert result.best.best


def test_the_first_epochs_may_train_at_half_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    plain = UNet.forward

    def noted(self: UNet, x: Tensor) -> Tensor:
        if self.training:
            sizes.append(tuple(x.shape[-2:]))
        return plain(self, x)

    monkeypatch.setattr(UNet, "forward", noted)
    result = _run(fit(_fresh(), TRAIN, VAL, CARD, replace(CONFIG, half_size=0.5)))
    assert sizes == [(16, 16)] * 4 + [(32, 32)] * 4
    assert [np.isfinite(epoch.val_dice) for epoch in result.history] == [False, False, True, True]
    assert result.best.epoch > 2
    odd = card(input=InputRule(size=(36, 36)))
    with pytest.raises(UserError, match="half of its input size of 36 × 36"):
        next(fit(_fresh(), TRAIN, VAL, odd, replace(CONFIG, half_size=0.5)))
    with pytest.raises(ValueError, match="half_size"):
        replace(CONFIG, half_size=1.0)


def test_the_weights_are_those_of_the_best_epoch() -> None:
    """Not the last ones: validating them again gives the best score."""
    result = _run(fit(_fresh(), TRAIN, VAL, CARD, replace(CONFIG, epochs=6)))
    net = _fresh()
    net.load_state_dict(result.weights)
    again = [mean_dice(net, samples, CARD) for samples in (VAL, simulated(VAL, CARD))]
    assert again == [result.best.val_dice, result.best.shifted_dice]
    scores = [(epoch.val_dice + epoch.shifted_dice) / 2 for epoch in result.history]
    assert scores.index(max(scores)) + 1 == result.best.epoch


@pytest.mark.parametrize("after", [1, 3])
def test_resumed_equals_uninterrupted_bit_by_bit(tmp_path: Path, after: int) -> None:
    straight = _run(fit(_fresh(), TRAIN, VAL, CARD, CONFIG))
    broken = fit(_fresh(), TRAIN, VAL, CARD, CONFIG, tmp_path)
    for _ in range(after):
        next(broken)
    broken.close()
    torch.manual_seed(99)
    resumed = fit(_fresh(seed=5), TRAIN, VAL, CARD, CONFIG, tmp_path)
    assert next(resumed).epoch == after + 1
    result = _run(resumed)
    assert repr(result.history) == repr(straight.history)
    assert _equal(result.weights, straight.weights)


def test_a_finished_training_is_not_gone_on_with(tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=8, patience=1, learning_rate=1e-9, average=0.0)  # nothing gets better
    first = _run(fit(_fresh(norm="none"), TRAIN, VAL, CARD, config, tmp_path))
    assert len(first.history) < 8
    again = _run(fit(_fresh(norm="none"), TRAIN, VAL, CARD, config, tmp_path))
    assert again.history == first.history
    assert _equal(again.weights, first.weights)


def test_patience_is_counted_after_half_of_the_epochs() -> None:
    config = replace(CONFIG, epochs=8, patience=1, learning_rate=1e-9, average=0.0)
    assert len(_run(fit(_fresh(norm="none"), TRAIN, VAL, CARD, config)).history) == 5


def test_patience_is_counted_after_the_first_score() -> None:
    """Epochs at half the size are not scored: however many they are, they exhaust nothing."""
    config = replace(CONFIG, epochs=8, patience=3, half_size=0.75)
    result = _run(fit(_fresh(), TRAIN, VAL, CARD, config))
    assert len(result.history) == 8 and result.best.epoch > 6


def test_a_loss_that_is_no_number_ends_it_and_keeps_the_best(tmp_path: Path) -> None:
    steps = fit(_fresh(), TRAIN, VAL, CARD, CONFIG, tmp_path)
    next(steps)
    best = _run(fit(_fresh(), TRAIN, VAL, CARD, replace(CONFIG, epochs=4)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "step", lambda self, *batch: float("nan"))
        with pytest.raises(UserError, match="epoch 2: the loss is not a number") as error:
            next(steps)
    assert error.value.remedy
    resumed = _run(fit(_fresh(), TRAIN, VAL, CARD, CONFIG, tmp_path))  # epoch 1 is still there
    assert _equal(resumed.weights, best.weights)


def test_images_that_are_no_numbers_end_it() -> None:
    images = TRAIN.images.copy()
    images[0] = np.nan
    with pytest.raises(UserError, match="not a number"):
        _run(fit(_fresh(), replace(TRAIN, images=images), VAL, CARD, CONFIG))


def test_a_cancelled_training_leaves_no_hooks() -> None:
    net = _fresh()
    steps = fit(net, TRAIN, VAL, CARD, replace(CONFIG, mix_style=1.0))
    next(steps)
    assert net.encoder[0]._forward_hooks
    steps.close()
    assert not any(part._forward_hooks for part in net.modules())


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 6])
def test_short_trainings_run(epochs: int) -> None:
    """Five steps of one cycle made the schedule divide by zero."""
    config = replace(CONFIG, epochs=epochs, batch=99)
    assert len(_run(fit(_fresh(), TRAIN, VAL, CARD, config)).history) == epochs


def test_every_sample_is_seen_once_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    class Still(module.Augment):
        def __call__(self, images: Tensor, masks: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
            seen.extend(images[:, 0, 0, 0].tolist())
            return images, masks

    monkeypatch.setattr(module, "Augment", Still)
    samples = tiny_samples(7, side=32)
    samples.images[:, 0, 0, 0] = np.arange(7)
    _run(fit(_fresh(), samples, VAL, CARD, replace(CONFIG, epochs=1, batch=3)))
    assert sorted(seen) == list(range(7)) and seen != sorted(seen)


def test_a_net_and_a_size_that_do_not_suit() -> None:
    with pytest.raises(UserError, match="multiples of 4"):
        next(fit(tiny_net(), TRAIN, VAL, card(input=InputRule(size=(30, 32))), CONFIG))


def test_simulated_machines_are_those_of_training_time() -> None:
    moved = simulated(VAL, CARD)
    assert moved.images.shape == (12, 1, 32, 32) and moved.masks.shape == moved.valid.shape == (12, 1, 32, 32)
    assert all(part.dtype == np.float32 for part in (moved.images, moved.masks, moved.valid))
    assert moved.valid.all() and set(np.unique(moved.masks)) == {0, 1}


def _half_unknown(samples: Samples, lung_there: bool) -> Samples:
    """The lower half does not count; what its mask says there is either way."""
    masks, valid = samples.masks.copy(), samples.valid.copy()
    half = masks.shape[2] // 2
    valid[:, :, half:] = 0
    masks[:, :, half:] = lung_there
    return replace(samples, masks=masks, valid=valid)


def test_pixels_that_do_not_count_have_no_say_in_training_nor_in_validation() -> None:
    config = replace(CONFIG, epochs=2, augment=STILL)
    told, denied = (
        _run(fit(_fresh(), _half_unknown(TRAIN, said), _half_unknown(VAL, said), CARD, config))
        for said in (True, False)
    )
    assert _equal(told.weights, denied.weights)
    assert [e.loss for e in told.history] == [e.loss for e in denied.history]
    plain = _run(fit(_fresh(), TRAIN, VAL, CARD, config))
    assert not _equal(told.weights, plain.weights)


def test_volumes_are_renewed_after_their_share_of_the_epochs_and_once_for_each() -> None:
    asked: list[int] = []

    def renewed(epoch: int) -> Samples:
        asked.append(epoch)
        return TRAIN

    config = replace(CONFIG, volumes=VolumeConfig(after=0.5, noise=1.0))
    result = _run(fit(_fresh(), TRAIN, VAL, CARD, config, renewed=renewed))
    assert asked == [3, 4]
    assert result.history == _run(fit(_fresh(), TRAIN, VAL, CARD, config)).history


def test_what_is_renewed_is_what_is_seen(tmp_path: Path) -> None:
    """Also where a training that was broken off goes on."""
    config = replace(CONFIG, volumes=VolumeConfig(after=0.25, noise=1.0))
    other = Samples(1 - TRAIN.images, TRAIN.masks, TRAIN.valid)
    plain, changed = (
        _run(fit(_fresh(), TRAIN, VAL, CARD, config, renewed=lambda _, of=of: of)) for of in (TRAIN, other)
    )
    assert changed.history[0] == plain.history[0] and changed.history[1] != plain.history[1]
    steps = fit(_fresh(), TRAIN, VAL, CARD, config, tmp_path, renewed=lambda _: other)
    for _ in range(2):
        next(steps)
    steps.close()
    asked: list[int] = []
    again = fit(_fresh(), TRAIN, VAL, CARD, config, tmp_path, renewed=lambda k: asked.append(k) or other)
    assert _run(again).history == changed.history and asked == [3, 4]


def test_what_fails_while_volumes_are_made_is_raised() -> None:
    def broken(_: int) -> Samples:
        raise UserError("No volume.", "")

    with pytest.raises(UserError, match="No volume"):
        _run(fit(_fresh(), TRAIN, VAL, CARD, CONFIG, renewed=broken))


PUBLISHED = replace(
    CONFIG,
    optimiser="sgd",
    momentum=0.99,
    learning_rate=1e-3,
    loss="cross-entropy",
    border_weights=BorderWeights(sigma=2.0),
    augment=replace(AugmentConfig(), elastic_px=3.0, turn=0.5),
)


def test_a_training_as_published_resumes_bit_by_bit(tmp_path: Path) -> None:
    config = replace(PUBLISHED, balanced_pixels=True)
    straight = _run(fit(_fresh(), TRAIN, VAL, CARD, config))
    broken = fit(_fresh(), TRAIN, VAL, CARD, config, tmp_path)
    next(broken)
    broken.close()
    result = _run(fit(_fresh(seed=5), TRAIN, VAL, CARD, config, tmp_path))
    assert repr(result.history) == repr(straight.history) and _equal(result.weights, straight.weights)


@pytest.mark.parametrize(
    "change",
    [{"optimiser": "adamw"}, {"momentum": 0.9}, {"loss": "dice and cross-entropy"}, {"border_weights": None}],
    ids=lambda change: next(iter(change)),
)
def test_each_setting_of_a_training_matters(change: dict[str, Any]) -> None:
    one, other = (_run(fit(_fresh(), TRAIN, VAL, CARD, c)) for c in (PUBLISHED, replace(PUBLISHED, **change)))
    assert [epoch.loss for epoch in one.history] != [epoch.loss for epoch in other.history]


def test_a_step_of_sgd_is_the_momentum_s_by_hand() -> None:
    """v ← m v + g, w ← w − lr v; the momentum stays where the learning rate follows its cycle."""
    net, config = _fresh(dropout=0.0), replace(PUBLISHED, augment=STILL, weight_decay=0.0)
    learner = Learner(
        net,
        CARD,
        config,
        lambda optimizer: torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0),
        momentum=config.momentum,
    )
    velocity = torch.zeros_like(net.head.weight)
    for _ in range(3):
        before = net.head.weight.detach().clone()
        learner.step(*TRAIN.batch([0, 1]))
        velocity = config.momentum * velocity + net.head.weight.grad
        torch.testing.assert_close(net.head.weight.detach(), before - config.learning_rate * velocity)
    steps = fit(_fresh(), TRAIN, VAL, CARD, config)
    next(steps)
    held = steps.gi_frame.f_locals["learner"].optimizer.param_groups[0]
    steps.close()
    assert held["momentum"] == 0.99 and held["lr"] != config.learning_rate


def test_free_biases_are_moved_by_their_gradient_alone() -> None:
    for free in (False, True):
        net, config = _fresh(dropout=0.0), replace(PUBLISHED, augment=STILL, weight_decay=0.5, momentum=0.0)
        learner = Learner(
            net,
            CARD,
            config,
            lambda optimizer: torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0),
            momentum=0.0,
            free_biases=free,
        )
        nn.init.constant_(net.head.bias, 2.0)
        weight, bias = (parameter.detach().clone() for parameter in (net.head.weight, net.head.bias))
        learner.step(*TRAIN.batch([0, 1]))
        rate, decay = config.learning_rate, config.weight_decay
        shrunk = weight - rate * (net.head.weight.grad + decay * weight)
        torch.testing.assert_close(net.head.weight.detach(), shrunk)
        left = bias - rate * (net.head.bias.grad + (0.0 if free else decay) * bias)
        torch.testing.assert_close(net.head.bias.detach(), left)


def test_pixels_weigh_in_the_loss_as_their_map_says() -> None:
    """What weighs nothing is as what does not count."""
    config = replace(PUBLISHED, augment=STILL, border_weights=None)
    weights = np.ones_like(TRAIN.valid)
    weights[:, :, :24] = 0
    half = np.ones_like(TRAIN.valid)
    half[:, :, :24] = 0
    by_weight = replace(TRAIN, weights=weights)
    by_valid = replace(TRAIN, valid=half)
    one, other = (_run(fit(_fresh(), samples, VAL, CARD, config)) for samples in (by_weight, by_valid))
    np.testing.assert_allclose(
        [e.loss for e in one.history], [e.loss for e in other.history], rtol=5e-2
    )  # the seam is rounded in one of them
    plain = _run(fit(_fresh(), TRAIN, VAL, CARD, config))
    assert one.history[0].loss != plain.history[0].loss


def test_the_gradient_of_each_stage_is_measured_where_it_is_asked_for(tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=2, gradients=True)
    result = _run(fit(_fresh(), TRAIN, VAL, CARD, config, tmp_path))
    names = [name for name, _ in result.history[0].gradients]
    assert names[:3] == ["encoder.0", "encoder.1", "bottleneck"] and names[-1] == "head"
    assert all(norm > 0 for epoch in result.history for _, norm in epoch.gradients)
    assert _run(fit(_fresh(), TRAIN, VAL, CARD, config, tmp_path)).history == result.history
    assert not _run(fit(_fresh(), TRAIN, VAL, CARD, replace(config, gradients=False))).history[0].gradients


def test_the_norm_of_a_stage_is_that_of_its_parameters() -> None:
    net = _fresh(dropout=0.0)
    learner = Learner(net, CARD, CONFIG, lambda o: torch.optim.lr_scheduler.ConstantLR(o, 1.0), watched=True)
    learner.step(*TRAIN.batch([0, 1]))
    squares = {
        name: sum(float(p.grad.square().sum()) for p in getattr(net, name).parameters())
        for name in ("head", "bottleneck")
    }
    whole = sum(value[0] ** 2 for value in learner.gradients.values())
    shrunk = min(1.0, 1.0 / whole**0.5)  # the step clips them afterwards
    for name, square in squares.items():
        assert learner.gradients[name][0] * shrunk == pytest.approx(square**0.5, rel=1e-3)
