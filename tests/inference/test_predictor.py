from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from net_fakes import PointNet, card, dark_is_lung, identity_net, lung_prior, lungs, saved, tiny_net, xray
from torch import nn

from napari_unet.core.errors import UserError
from napari_unet.core.events import TileDone
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import RIGHT_AND_LEFT, named_set
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.predictor import Predictor
from napari_unet.inference.segment import segment_steps
from napari_unet.models.library import ModelLibrary
from napari_unet.models.output import Output

CPU = torch.device("cpu")


def _predict(net: nn.Module, pixels: np.ndarray, inverted: bool | None = None, **fields: Any) -> Prediction:
    spacing = fields.pop("spacing_mm", None)
    return run(Predictor(net, card(**fields), CPU).steps(Raster(pixels, spacing_mm=spacing), inverted))


WAYS = [InputRule(), InputRule(size=(48, 64)), InputRule(spacing_mm=(0.5, 0.5))]


@pytest.mark.parametrize("flips", [False, True])
@pytest.mark.parametrize("how", WAYS)
def test_an_identity_net_gives_the_image_back(how: InputRule, flips: bool) -> None:
    image = np.random.default_rng(0).random((48, 64), dtype=np.float32)
    found = _predict(identity_net(), image, input=how, flips=flips, spacing_mm=(0.5, 0.5))
    np.testing.assert_allclose(found.probability, image[None], atol=1e-5)
    assert found.probability.dtype == found.uncertainty.dtype == np.float32
    assert (found.threshold, found.model, found.device) == (0.5, "tiny", "cpu")


def test_a_smooth_image_survives_another_size_and_spacing() -> None:
    y, x = np.mgrid[:90, :130] / 100
    image = (0.5 + 0.3 * np.sin(4 * x + 3 * y)).astype(np.float32)
    for how in (InputRule(size=(64, 64)), InputRule(spacing_mm=(1.0, 0.7))):
        found = _predict(identity_net(), image, input=how, spacing_mm=(0.6, 0.6))
        assert np.abs(found.probability[0] - image).max() < 0.02


def test_uncertainty_is_the_entropy_in_bits() -> None:
    image = np.tile(np.float32([0.5, 0.11, 1.0, 0.0]), (32, 8))
    found = _predict(identity_net(), image)
    np.testing.assert_allclose(found.uncertainty[0, :4], [1, 0.49992, 0, 0], atol=1e-4)


def test_uncertainty_is_that_of_the_class_nearest_to_undecided() -> None:
    two = PointNet(lambda x: torch.cat([torch.zeros_like(x), torch.full_like(x, 9)], dim=1))
    two.classes = 2
    found = _predict(two, np.random.default_rng(0).random((32, 32)), classes=("left", "right"))
    assert found.probability.shape == (2, 32, 32)
    np.testing.assert_allclose(found.uncertainty, 1, atol=1e-6)


def test_flips_average_the_image_and_its_mirror_image() -> None:
    half = PointNet(lambda x: torch.cat([x[..., :16] * 0 + 9, x[..., 16:] * 0 - 9], dim=-1))
    image = np.random.default_rng(0).random((32, 32), dtype=np.float32)
    assert _predict(half, image).probability[0, 0, [0, -1]] == pytest.approx([1, 0], abs=1e-3)
    found = _predict(half, image, flips=True)
    np.testing.assert_allclose(found.probability, 0.5)
    np.testing.assert_allclose(found.uncertainty, 1)  # each alone is sure; together they disagree


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("dtype", ["u1", "u2", ">u2", "i8", "f8", "f2", "?"])
def test_every_kind_of_number_gives_the_same(dtype: str, how: InputRule) -> None:
    image = lungs()
    rule = IntensityRule("percentiles", 0, 100)
    fields = {"input": how, "intensity": rule, "spacing_mm": (0.5, 0.5)}
    expected = _predict(tiny_net(), image.astype(np.float32), **fields)
    scaled = image.astype(dtype) if dtype == "?" else (image * 100).astype(dtype)
    found = _predict(tiny_net(), scaled, **fields)
    np.testing.assert_allclose(found.probability, expected.probability, atol=1e-4)


def test_an_inverted_image_is_turned_before_the_net_sees_it() -> None:
    image = xray(lungs())
    for how in WAYS:
        fields = {"input": how, "spacing_mm": (0.5, 0.5)}
        there = _predict(tiny_net(), 1 - image, inverted=True, **fields)
        assert there.inverted
        here = _predict(tiny_net(), image, inverted=False, **fields)
        np.testing.assert_allclose(there.probability, here.probability, atol=1e-4)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("shape", [(32, 10_000), (10_000, 33)])
def test_thin_images_of_10_000_pixels(shape: tuple[int, int], how: InputRule) -> None:
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    found = _predict(tiny_net(), image, input=how, spacing_mm=(0.5, 0.5))
    assert found.probability.shape == (1, *shape)
    assert np.isfinite(found.probability).all() and np.isfinite(found.uncertainty).all()


def test_a_stack_is_what_its_images_are_alone() -> None:
    masks = lungs()
    upright, dark = xray(masks), 1 - xray(masks, 1)
    fields = {"input": InputRule(size=(64, 64)), "likeness": lung_prior()}
    stack = _predict(dark_is_lung(), np.stack([upright, dark, upright]), **fields)
    for z, image in enumerate((upright, dark, upright)):
        alone = _predict(dark_is_lung(), image, **fields)
        np.testing.assert_array_equal(stack.probability[:, z], alone.probability)
        np.testing.assert_array_equal(stack.uncertainty[z], alone.uncertainty)
        assert stack.plausibility[z] == alone.plausibility[0]
        assert alone.inverted == (z == 1)
    assert not stack.inverted
    assert any("Image 2" in note for note in stack.notes)


def test_polarity_is_measured_where_nobody_knows_it() -> None:
    fields = {"input": InputRule(size=(64, 64)), "likeness": lung_prior()}
    found = _predict(dark_is_lung(), 1 - xray(lungs()), **fields)
    assert found.inverted
    assert found.plausibility[0] > 0.8
    np.testing.assert_array_equal(found.mask(cleaned=False), lungs())


def test_a_header_is_believed_unless_only_the_negative_is_what_the_model_is_for() -> None:
    fields = {"input": InputRule(size=(64, 64)), "likeness": lung_prior()}
    wrong = _predict(dark_is_lung(), 1 - xray(lungs()), inverted=False, **fields)
    assert wrong.inverted and wrong.plausibility[0] > 0.8
    right = _predict(dark_is_lung(), 1 - xray(lungs()), inverted=True, **fields)
    assert right.inverted
    np.testing.assert_array_equal(right.mask(), wrong.mask())
    neither = np.random.default_rng(0).random((64, 64), dtype=np.float32)
    for header in (True, False):
        assert _predict(dark_is_lung(), neither, inverted=header, **fields).inverted == header


def test_events_count_tiles_and_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_unet.inference.placed_network._FIRST_CORE", 32)
    predictor = Predictor(identity_net(), card(), CPU)
    pixels = np.random.default_rng(0).random((3, 40, 70))
    assert list(predictor.steps(Raster(pixels[0]))) == [TileDone(k, 3) for k in range(1, 4)]
    assert list(predictor.steps(Raster(pixels))) == [TileDone(k, 3) for k in range(1, 4)]
    whole = Predictor(identity_net(), card(input=InputRule(size=(32, 32))), CPU)
    assert list(whole.steps(Raster(pixels[0]))) == [TileDone(1, 1)]


def test_spacing_that_is_missing_or_absurd_is_an_error() -> None:
    image, how = np.random.default_rng(0).random((64, 64)), InputRule(spacing_mm=(0.5, 0.5))
    with pytest.raises(UserError, match="needs the pixel spacing"):
        _predict(tiny_net(), image, input=how)
    with pytest.raises(UserError, match="128000 × 64 pixels"):
        _predict(tiny_net(), image, input=how, spacing_mm=(0.5, 1000.0))


def test_a_stack_uses_its_spacing_in_the_plane() -> None:
    how = InputRule(spacing_mm=(0.5, 0.5))
    found = _predict(
        tiny_net(), np.random.default_rng(0).random((2, 32, 40)), input=how, spacing_mm=(9, 1, 0.5)
    )
    assert found.probability.shape == (1, 2, 32, 40)
    assert found.spacing_mm == (9, 1, 0.5)


@pytest.mark.parametrize("arguments", [{"classes": 2}, {"channels": 3}, {"padded": False}])
def test_a_net_that_is_not_what_its_card_says_is_an_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="does not take one grey image"):
        Predictor(tiny_net(**arguments), card(), CPU)


def test_the_net_that_was_given_is_left_alone() -> None:
    net = tiny_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    _predict(net, xray(lungs()))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_values_too_large_for_half_precision_are_computed_again() -> None:
    calls = []

    def overflow_once(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return x * (torch.inf if len(calls) == 1 else 1.0) * 0 + 2

    found = _predict(PointNet(overflow_once), np.random.default_rng(0).random((32, 32)))
    assert len(calls) == 2
    assert found.probability == pytest.approx(1 / (1 + np.exp(-2)))


def sided(x: torch.Tensor) -> torch.Tensor:
    """Two channels that know which side of the image they are on, and a third of another answer."""
    across = torch.linspace(-8, 8, x.shape[-1]).expand_as(x)
    return torch.cat([across, -across, 100 + 0 * x], dim=1)


def test_sides_change_places_when_the_image_is_mirrored() -> None:
    other = Output(id="other", labels=named_set(("heart",)))
    sides = Output(id="sides", labels=RIGHT_AND_LEFT, swaps=((0, 1),))
    net = PointNet(lambda x: sided(x)[:, [2, 0, 1]])
    net.classes = 3
    image = np.random.default_rng(0).random((8, 12))
    found = _predict(net, image, outputs=(other, sides), flips=True)
    assert found.probability.shape == (2, 8, 12) and found.label_set == RIGHT_AND_LEFT
    assert (found.labels()[:, :6] == 2).all() and (found.labels()[:, 6:] == 1).all()
    still = _predict(net, image, outputs=(other, sides.model_copy(update={"swaps": ()})), flips=True)
    np.testing.assert_allclose(still.probability, 0.5, atol=1e-5)  # each side was both


def test_a_model_of_scores_makes_no_mask(tmp_path: Path) -> None:
    library = ModelLibrary(tmp_path)
    scores = Output(id="finding", task="classification", findings=("abnormal",))
    saved(library.own / "scores", name="scores", outputs=(scores,), input=InputRule(size=(32, 32)))
    with pytest.raises(UserError, match="scores and no masks"):
        run(segment_steps(Raster(np.eye(64, dtype=np.float32)), model="scores", library=library))
