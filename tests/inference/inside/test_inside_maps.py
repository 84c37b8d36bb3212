"""Feature maps in their place, sorted by what silencing them would change; receptive fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from inside_models import NETS, SIDE, chest

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.inside import Alteration, Place
from napari_unet.core.raster import Raster
from napari_unet.core.standing import Turn
from napari_unet.inference.inside.altered import logits_of
from napari_unet.inference.inside.feature_maps import feature_maps, goal
from napari_unet.inference.inside.seen_from import receptive_field
from napari_unet.inference.inside.subject import LARGEST, Subject, subject_of
from napari_unet.inference.predictor import Predictor
from napari_unet.nets.alexnet import GREY, AlexNet
from napari_unet.nets.stages import stages_of


def test_before_a_linear_layer_the_weight_is_the_change_exactly(seen: Callable[..., Subject]) -> None:
    """Of the logits' sum in the mask, which the first order of a linear function is."""
    subject = seen("lineage-residual")
    found = feature_maps(subject, "decoder.0", 64)
    logits = logits_of(subject)
    inside = torch.sigmoid(logits[0, 0]) >= 0.5
    inside = inside if inside.any() else torch.ones_like(inside)
    assert float(goal(subject, logits)) == pytest.approx(float(logits[0, 0][inside].sum()), rel=1e-4)
    for number, weight in zip(found.order, found.weights, strict=True):
        without = logits_of(subject, Alteration(silenced_maps=frozenset({("decoder.0", number)})))
        change = float((logits[0, 0] - without[0, 0])[inside].sum())
        assert abs(change) == pytest.approx(weight, rel=1e-3, abs=1e-2)
    assert list(found.weights) == sorted(found.weights, reverse=True)
    assert sorted(found.order) == list(range(found.count))


def test_the_numbers_come_back_from_bytes(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-residual")
    kept: list[torch.Tensor] = []
    handle = subject.net.encoder[1].register_forward_hook(lambda _m, _i, out: kept.append(out[0]))  # type: ignore[index]
    with torch.no_grad():
        subject.net(subject.x)
    handle.remove()
    found = feature_maps(subject, "encoder.1", 3)
    assert found.maps.shape == (3, 32, 32) and found.count == 8
    for one, number, (low, high) in zip(found.maps, found.order, found.ranges, strict=True):
        back = low + one.astype(np.float32) * ((high - low) / 255)
        np.testing.assert_allclose(back, kept[0][number].numpy(), atol=(high - low) / 500 + 1e-6)


@pytest.mark.parametrize("name", NETS)
def test_maps_lie_where_they_look(predictor: Callable[..., Predictor], name: str) -> None:
    """Networks of positive weights see a bright spot: the middle of the maps' response is the spot's."""
    one = predictor(name)
    with torch.no_grad():
        for key, parameter in one.network.net.named_parameters():
            parameter.copy_(parameter.abs() * (0 if key.endswith("bias") else 1) + 0)
        if isinstance(one.network.net, AlexNet):  # what it subtracts from images is added again
            first = one.network.net.encoder[0]
            first.bias.copy_(GREY * first.weight.sum(dim=(1, 2, 3)))
    pixels = np.zeros((128, 128), np.float32)
    row, column = 70, 50
    pixels[row - 2 : row + 2, column - 2 : column + 2] = 1
    subject = subject_of(one, Raster(pixels))
    stages = [stage for stage, _ in stages_of(subject.inner)]
    for stage in stages[:3]:
        found = feature_maps(subject, stage, 64)
        response = found.maps.astype(float)
        response -= np.median(response, axis=(1, 2), keepdims=True)
        weight = np.clip(response, 0, None).sum(axis=0)
        y, x = (
            origin + step * np.arange(n)
            for origin, step, n in zip(found.place.origin, found.place.step, weight.shape, strict=True)
        )
        for at, axis in ((y, 0), (x, 1)):  # the mirrored border has spots of its own
            weight = np.compress((at >= 0) & (at < 128), weight, axis=axis)
        y, x = (at[(at >= 0) & (at < 128)] for at in (y, x))
        where = [float((weight.sum(axis=axis) * at).sum() / weight.sum()) for axis, at in ((1, y), (0, x))]
        assert where == pytest.approx([row - 0.5, column - 0.5], abs=1.5 * max(found.place.step))


def test_a_stage_of_numbers_has_no_maps(seen: Callable[..., Subject]) -> None:
    with pytest.raises(UserError, match="numbers and no maps"):
        feature_maps(seen("lineage-alexnet"), "connected", 64)


@pytest.mark.parametrize("name", ["lineage-residual", "lineage-unet-2015", "lineage-ciresan"])
def test_gradients_stay_inside_of_the_theoretical_field(seen: Callable[..., Subject], name: str) -> None:
    found = receptive_field(seen(name), (40, 20))
    top, bottom, left, right = found.box
    reached = np.argwhere(found.measured)
    assert len(reached)
    assert (reached.min(axis=0) >= [int(top), int(left)]).all()
    assert (reached.max(axis=0) < [np.ceil(bottom), np.ceil(right)]).all()
    assert found.half <= found.most


def test_the_field_of_a_window_is_the_window(seen: Callable[..., Subject]) -> None:
    found = receptive_field(seen("lineage-ciresan"), (32, 30))
    assert found.side == 65 and found.box == (0, SIDE, 0, 63)


def test_a_word_depends_on_everything(seen: Callable[..., Subject]) -> None:
    found = receptive_field(seen("lineage-alexnet"), (40, 20))
    assert found.side is None and found.box == pytest.approx((0, SIDE, 0, SIDE))


def test_a_click_beyond_the_field_does_not_count(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-residual")
    net: Any = subject.net
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
    found = receptive_field(subject, (40, 20))
    assert not found.measured.any() and found.half == 0


def test_of_a_large_grid_the_middle_is_looked_at(predictor: Callable[..., Predictor]) -> None:
    one = predictor("lineage-residual", input=InputRule())
    pixels = np.random.default_rng(0).random((40, LARGEST + 100), np.float32)
    subject = subject_of(one, Raster(pixels))
    assert subject.part and subject.grid == (40, LARGEST)
    assert subject.box == (slice(0, 40), slice(50, LARGEST + 50))
    assert subject.grid_pixel((3, 60)) == (3, 10) and subject.image_pixel((3, 10)) == (3, 60)


def test_what_is_turned_twice_is_as_it_was(seen: Callable[..., Subject]) -> None:
    turn, shape = Turn(True, True), (SIDE, SIDE)
    subject = seen("lineage-residual")
    maps = feature_maps(subject, "encoder.1", 2)
    there = maps.turned(turn, shape)
    assert there.place == Place((0.5, 0.5), (2.0, 2.0)) == maps.place
    np.testing.assert_array_equal(there.maps, maps.maps[:, ::-1, ::-1])
    field = receptive_field(subject, (40, 20))
    back = field.turned(turn, shape).turned(turn, shape)
    assert (back.pixel, back.box) == (field.pixel, field.box)
    assert field.turned(turn, shape).pixel == (SIDE - 41, SIDE - 21)


def test_volumes_are_refused(predictor: Callable[..., Predictor]) -> None:
    one = predictor("lineage-residual")
    rule = replace(one.card.input, axes=3, size=None)
    one = one.with_card(one.card.model_copy(update={"input": rule}))
    with pytest.raises(UserError, match="is for volumes"):
        subject_of(one, chest())


def test_maps_are_those_of_the_altered_network_and_it_is_as_before(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-residual")
    cut = Alteration(cut=frozenset({0, 1}))
    before = feature_maps(subject, "decoder.0", 64)
    found = feature_maps(subject, "decoder.0", 64, cut)
    assert found.alteration == cut and not before.alteration
    assert not np.array_equal(found.maps, before.maps)
    silent = feature_maps(subject, "decoder.0", 64, Alteration(silenced=frozenset({"bottleneck"})))
    assert not np.array_equal(silent.maps, found.maps)
    again = feature_maps(subject, "decoder.0", 64)
    assert np.array_equal(again.maps, before.maps) and again.weights == before.weights
    padding = feature_maps(subject, "decoder.0", 64, Alteration(padding=False))
    assert np.array_equal(padding.maps, before.maps) and not padding.alteration
