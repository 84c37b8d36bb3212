"""The simulated annotator: all cases, in the order of its arm, with models fitted on the way."""

from __future__ import annotations

import numpy as np
import pytest
from net_fakes import card, lungs, tiny_net, xray

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.input_rule import InputRule
from napari_unet.core.raster import Raster
from napari_unet.simulation.simulate import Arm, Corrected, Look, Outcome, Subject, simulate
from napari_unet.simulation.simulated_model import Fitting, looking
from napari_unet.training.adapt_config import AdaptConfig

SIZE = (128, 112)


def subjects(count: int = 7) -> list[Subject]:
    return [
        Subject(f"case-{k}", f"p{k}", Raster(xray(lungs(*SIZE), k).astype(np.float32)), lungs(*SIZE))
        for k in range(count)
    ]


def model_that_misses(rows: int):
    """The top rows are missing in each mask; each image has a direction and an uncertainty of its own."""

    def look(raster: Raster) -> Look:
        mask = lungs(*SIZE).copy()
        mask[:rows] = False
        angle = float(raster.pixels.mean()) * 1000
        return Look(mask, np.float32([np.cos(angle), np.sin(angle)]), angle % 1)

    return look


class Recorder:
    """A retraining that makes the model better, and remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[list[str]] = []
        self.masks: list[np.ndarray] = []

    def __call__(self, done, seed):
        self.given.append([one.subject.id for one in done])
        self.masks += [one.mask for one in done]
        return model_that_misses(max(0, 50 - 25 * len(self.given)))


def outcome(arm: Arm, retrain=None, **options) -> tuple[Outcome, list[CaseDone]]:
    steps = simulate(subjects(), arm, model_that_misses(50), retrain or Recorder(), after=(2, 5), **options)
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return end.value, events


def test_every_case_is_corrected_once_and_good_enough() -> None:
    for arm in Arm:
        found, events = outcome(arm)
        assert sorted(cost.case for cost in found.costs) == sorted(one.id for one in subjects())
        assert all(cost.reached and cost.dice_after >= 0.97 for cost in found.costs)
        assert [(event.done, event.total) for event in events] == [(k, 7) for k in range(1, 8)]
        assert found.strokes == sum(cost.strokes for cost in found.costs) and found.pixels > 0


def test_without_fine_tuning_no_model_is_made() -> None:
    retrain = Recorder()
    found, _ = outcome(Arm.NONE, retrain)
    assert not retrain.given and {cost.models for cost in found.costs} == {0}


def test_models_are_fitted_to_what_is_corrected_and_save_strokes() -> None:
    retrain = Recorder()
    found, _ = outcome(Arm.RANDOM, retrain)
    order = [cost.case for cost in found.costs]
    assert retrain.given == [order[:2], order[:5]]
    assert [cost.models for cost in found.costs] == [0, 0, 1, 1, 1, 2, 2]
    assert all(
        (mask & lungs(*SIZE)).sum() * 2 / (mask.sum() + lungs(*SIZE).sum()) > 0.97 for mask in retrain.masks
    )
    assert found.costs[-1].strokes == 0 and found.costs[-1].dice_before == 1
    assert found.strokes < outcome(Arm.NONE)[0].strokes


def test_the_orders_differ_and_are_the_same_each_time() -> None:
    orders = {
        (arm, seed): tuple(cost.case for cost in outcome(arm, seed=seed)[0].costs)
        for arm in Arm
        for seed in (0, 1)
    }
    assert orders[Arm.NONE, 0] == tuple(one.id for one in subjects())
    assert orders[Arm.RANDOM, 0] != orders[Arm.RANDOM, 1]
    assert orders[Arm.USEFUL, 0] == orders[Arm.USEFUL, 1]
    assert orders[Arm.SURE, 0] == orders[Arm.SURE, 1]
    assert len({orders[arm, 0] for arm in Arm}) == len(Arm)
    assert outcome(Arm.RANDOM, seed=1)[0] == outcome(Arm.RANDOM, seed=1)[0]


def test_a_case_trembles_alike_in_every_arm() -> None:
    """Until a model is fitted, a case costs the same wherever it comes."""
    alone = {cost.case: cost.strokes for cost in outcome(Arm.NONE)[0].costs}
    for cost in outcome(Arm.RANDOM)[0].costs[:2]:
        assert cost.strokes == alone[cost.case]


def test_two_subjects_with_one_id_are_refused() -> None:
    twice = [*subjects(1), *subjects(1)]
    with pytest.raises(ValueError, match="id of its own"):
        next(simulate(twice, Arm.NONE, model_that_misses(50), Recorder()))


def test_a_network_is_fitted_to_the_masks_that_were_left() -> None:
    net, described = tiny_net(), card(input=InputRule(size=(32, 32)))
    cases = [Corrected(one, one.reference) for one in subjects(2)]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    fitted = Fitting(net, described, None, AdaptConfig(steps=30, batch=2, learning_rate=0.01))(cases, 0)
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())
    raster, reference = cases[0].subject.raster, cases[0].mask

    def agrees(look: Look) -> float:
        return float(np.mean(look.mask == reference))

    after, first = fitted(raster), looking(net, described)(raster)
    assert agrees(after) > agrees(first)
    assert after.features.shape == first.features.shape and not np.array_equal(after.features, first.features)


def test_models_that_cannot_be_fitted_are_refused() -> None:
    with pytest.raises(UserError, match="input size"):
        Fitting(tiny_net(), card(), None, AdaptConfig())
