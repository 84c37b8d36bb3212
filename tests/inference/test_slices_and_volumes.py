"""Slices with their neighbours, and volumes, through the predictor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from net_fakes import PointNet, VolumeNet, card, tiny_net, xray
from torch import nn

from napari_unet.core.errors import UserError
from napari_unet.core.events import SliceDone, TileDone
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.core.masks import MaskRule
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.steps import STOP, run
from napari_unet.core.volume_labels import likeliest_labels
from napari_unet.inference import placed_network
from napari_unet.inference.predictor import Predictor
from napari_unet.inference.prepare import ahead
from napari_unet.models.output import Output

CPU = torch.device("cpu")
NAMES = ("one", "two", "three")


def _predict(net: nn.Module, raster: Raster, **fields: Any) -> Prediction:
    return run(Predictor(net, card(**fields), CPU).steps(raster, False))


@pytest.mark.parametrize("how", [{}, {"size": (24, 20)}, {"spacing_mm": (1.5, 1.5)}])
def test_the_channels_are_the_slices_around_each(how: dict[str, Any]) -> None:
    net = PointNet(lambda x: torch.logit(x, 1e-6))
    net.channels = net.classes = 3
    stack = np.random.default_rng(0).random((4, 24, 20), dtype=np.float32)
    fields = {"input": InputRule(neighbours=1, **how), "classes": NAMES}
    found = _predict(net, Raster(stack, spacing_mm=(5, 1.5, 1.5)), **fields).probability
    np.testing.assert_allclose(found[1], stack, atol=1e-5)
    np.testing.assert_allclose(found[0], stack[[0, 0, 1, 2]], atol=1e-5)
    np.testing.assert_allclose(found[2], stack[[1, 2, 3, 3]], atol=1e-5)
    alone = _predict(
        net, Raster(stack[0], spacing_mm=(1.5, 1.5)), input=InputRule(neighbours=1, **how), classes=NAMES
    )
    np.testing.assert_allclose(alone.probability, np.repeat(stack[:1], 3, axis=0), atol=1e-5)


def test_tiles_of_slices_with_neighbours_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    net, raster = tiny_net(channels=3), Raster(np.random.default_rng(0).random((2, 100, 76)))
    fields = {"input": InputRule(neighbours=1), "flips": True}
    whole = _predict(net, raster, **fields).probability
    monkeypatch.setattr(placed_network, "_FIRST_CORE", 8)
    np.testing.assert_allclose(_predict(net, raster, **fields).probability, whole, atol=1e-5)


@pytest.mark.parametrize("flips", [False, True])
def test_tiles_of_a_volume_equal_the_whole(flips: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net, volume = VolumeNet(classes=2), np.random.default_rng(0).random((12, 30, 22), dtype=np.float32)
    fields = {"input": InputRule(axes=3), "classes": NAMES[:2], "flips": flips}
    whole = _predict(net, Raster(volume), **fields)
    assert whole.probability.shape == (2, 12, 30, 22) and whole.uncertainty.shape == volume.shape
    x = torch.from_numpy(volume)[None, None]
    with torch.inference_mode():
        expected = net(x).sigmoid()
        if flips:
            expected = (expected + net(x.flip(-1)).sigmoid().flip(-1)) / 2
    np.testing.assert_allclose(whole.probability, expected[0], atol=1e-6)
    monkeypatch.setattr(placed_network, "_FIRST_CORE", 2)
    steps = Predictor(net, card(**fields), CPU).steps(Raster(volume), False)
    assert next(steps).total > 4
    np.testing.assert_allclose(run(steps).probability, whole.probability, atol=1e-6)


def test_a_volume_is_resampled_along_all_axes_and_padding_is_none_of_it() -> None:
    net = PointNet(lambda x: torch.logit(x, 1e-6))
    net.axes = 3
    y, x = np.mgrid[:40, :30] / 40
    volume = np.stack([0.5 + 0.02 * z + 0.3 * np.sin(3 * y + 2 * x) / 2 for z in range(8)]).astype(np.float32)
    padded = np.pad(volume, ((1, 1), (0, 0), (2, 0)), constant_values=-9)
    raster = Raster(padded, spacing_mm=(2, 1, 1), padding=(-9.0, -9.0))
    for how in (InputRule(size=(8, 40, 30), axes=3), InputRule(spacing_mm=(1, 1.2, 0.9), axes=3)):
        found = _predict(net, raster, input=how)
        assert found.probability.shape == (1, *padded.shape)
        assert np.abs(found.probability[0, 1:-1, :, 2:] - volume).max() < 0.02
        assert not found.probability[0, 0].any() and not found.probability[0, :, :, :2].any()


def test_grey_values_of_a_volume_are_those_of_all_its_slices() -> None:
    net = PointNet(lambda x: torch.logit(x, 1e-6))
    net.axes = 3
    volume = np.stack([xray(np.ones((16, 16), bool), k) + k for k in range(4)])
    rule = IntensityRule("percentiles", 0, 100)
    found = _predict(net, Raster(volume), input=InputRule(axes=3), intensity=rule).probability[0]
    np.testing.assert_allclose(found, (volume - volume.min()) / np.ptp(volume), atol=1e-4)


def test_a_model_of_volumes_takes_no_image() -> None:
    with pytest.raises(UserError, match="is for volumes"):
        _predict(VolumeNet(), Raster(np.eye(32)), input=InputRule(axes=3))


VOLUME = {"outputs": (Output(labels=RIGHT_AND_LEFT, mask_rule=MaskRule(per_slice=False)),)}


def _slices_net() -> PointNet:
    """Right lung where the slice in the middle is bright, left where the one above is."""
    net = PointNet(lambda x: torch.logit(x[:, 1:], 1e-6))
    net.channels, net.classes = 3, 2
    return net


def test_maps_of_a_volume_have_8_bits_on_the_network_s_grid() -> None:
    stack = np.random.default_rng(0).random((4, 64, 48), dtype=np.float32)
    fields = {"input": InputRule(size=(32, 24), neighbours=1), **VOLUME}
    found = _predict(_slices_net(), Raster(stack), **fields)
    assert found.maps.shape == (2, 4, 32, 24) and found.maps.dtype == np.uint8 and found.is_volume
    small = stack.reshape(4, 32, 2, 24, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(found.maps[0] / 255, small, atol=0.6 / 255)
    np.testing.assert_allclose(found.maps[1, :3] / 255, small[1:], atol=0.6 / 255)


def test_slices_of_a_volume_lose_one_border_and_missing_ones_have_no_labels() -> None:
    stack = np.full((4, 40, 40), -5, np.float32)
    stack[0, 4:40, 6:] = stack[1, 8:, 10:36] = stack[3, 8:, 10:] = 0.75
    raster = Raster(stack, padding=(-5.0, -5.0))
    found = _predict(_slices_net(), raster, input=InputRule(size=(36, 34), neighbours=1), **VOLUME)
    assert found.boxes == ((slice(4, 40), slice(6, 40)),) * 4
    labels = found.labels()
    np.testing.assert_array_equal(labels > 0, stack > 0)
    assert not labels[2].any()


@pytest.mark.parametrize("size", [(18, 17), (36, 34), None])
def test_each_slice_of_a_volume_can_be_shown_when_it_is_done(size: tuple[int, int] | None) -> None:
    stack = np.full((4, 40, 40), -5, np.float32)
    stack[0, 4:40, 6:] = stack[1, 8:, 10:36] = stack[3, 8:, 10:] = 0.75
    model = Predictor(_slices_net(), card(input=InputRule(size=size, neighbours=1), **VOLUME), CPU)
    shown: list[TileDone] = []
    found = run(model.steps(Raster(stack, padding=(-5.0, -5.0)), False, shown_at=0.5), shown.append)
    assert [one.done for one in shown] == [1, 2, 3, 4]
    for z, one in enumerate(shown):
        assert isinstance(one, SliceDone) and one.total == 4
        np.testing.assert_array_equal(one.labels, likeliest_labels(found.maps[:, z], (1, 2), 0.5))
        assert one.box == (found.boxes[z] if size else (slice(0, 40), slice(0, 40)))
    assert shown[0].labels.any() and not shown[2].labels.any()  # one that is missing


def test_slices_are_shown_of_volumes_only_and_if_somebody_wants_it() -> None:
    stack = np.full((3, 40, 40), 0.75, np.float32)
    rule = InputRule(size=(32, 32), neighbours=1)
    images = {"outputs": (Output(labels=RIGHT_AND_LEFT, mask_rule=MaskRule(per_slice=True)),)}
    for fields, shown_at in ((VOLUME, None), (images, 0.5)):
        events: list[Any] = []
        run(
            Predictor(_slices_net(), card(input=rule, **fields), CPU).steps(
                Raster(stack), False, shown_at=shown_at
            ),
            events.append,
        )
        assert events == [TileDone(z + 1, 3) for z in range(3)]


def test_a_volume_can_be_stopped_and_keeps_what_is_done() -> None:
    stack = np.full((6, 40, 40), 0.75, np.float32)
    model = Predictor(_slices_net(), card(input=InputRule(size=(32, 32), neighbours=1), **VOLUME), CPU)
    for padding in (None, (-5.0, -5.0)):
        steps = model.steps(Raster(stack, padding=padding), False)
        assert [next(steps) for _ in range(2)] == [TileDone(1, 6), TileDone(2, 6)]
        with pytest.raises(StopIteration) as end:
            steps.send(STOP)
        found = end.value.value
        assert found.stopped_at == 2 and found.notes == (
            "Stopped after 2 of 6 slices: the others are empty.",
        )
        assert found.labels()[:2].all() and not found.labels()[2:].any() and found.shape == stack.shape
    steps = model.steps(Raster(stack), False)
    whole = run(steps)
    assert whole.stopped_at is None and not whole.notes and steps.gi_frame is None


def test_the_next_slice_is_read_meanwhile_and_what_goes_wrong_there_is_said() -> None:
    begun: list[int] = []

    def read(z: int) -> Any:
        begun.append(z)
        if z == 2:
            raise MemoryError
        return z

    slices = ahead(read, 4)
    assert next(slices)() == 0
    while 1 not in begun:
        pass
    assert next(slices)() == 1
    with pytest.raises(MemoryError):
        next(slices)()
    slices.close()
    assert list(ahead(read, 0)) == []
