"""Features of images: from the bottleneck, in the same pass as the mask."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from net_fakes import card, dark_is_lung, lungs, tiny_net, xray

from napari_unet.core.input_rule import InputRule
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.features import image_features, logits_and_bottleneck, of_length_one
from napari_unet.inference.predictor import Predictor

CPU = torch.device("cpu")


def test_they_are_the_mean_of_the_bottleneck_of_length_one() -> None:
    net, x = tiny_net(), torch.rand(2, 1, 16, 16)
    with torch.inference_mode():
        logits, mean = logits_and_bottleneck(net, x)
        assert torch.equal(logits, net(x)) and mean is not None
        deep = x
        for level in net.encoder:
            deep = torch.nn.functional.max_pool2d(level(deep), 2)
        expected = net.bottleneck(deep).mean(dim=(0, 2, 3))
    np.testing.assert_allclose(of_length_one(mean), expected / expected.norm(), rtol=1e-5)
    assert not net.bottleneck._forward_hooks  # it no longer listens


def test_a_prediction_has_them_and_they_tell_images_apart() -> None:
    predictor = Predictor(tiny_net(), card(input=InputRule(size=(32, 32))), CPU)

    def features(pixels: np.ndarray) -> np.ndarray:
        found = run(predictor.steps(Raster(pixels.astype(np.float32)))).features
        assert found is not None and found.dtype == np.float32
        assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
        return found

    one, again, other = (features(p) for p in (xray(lungs()), xray(lungs()), np.zeros((64, 64))))
    np.testing.assert_array_equal(one, again)
    assert np.linalg.norm(one - other) > 1e-3


def test_those_of_a_stack_are_of_all_its_slices() -> None:
    predictor = Predictor(tiny_net(), card(input=InputRule(size=(32, 32))), CPU)
    slices = [xray(lungs(), seed).astype(np.float32) for seed in range(2)]
    alone = [run(predictor.steps(Raster(pixels))).features for pixels in slices]
    stack = run(predictor.steps(Raster(np.stack(slices)))).features
    mean = np.mean(alone, axis=0)
    np.testing.assert_allclose(stack, mean / np.linalg.norm(mean), rtol=1e-5)


def test_a_network_without_a_bottleneck_has_none() -> None:
    predictor = Predictor(dark_is_lung(), card(), CPU)
    assert run(predictor.steps(Raster(np.zeros((8, 8), np.float32)))).features is None


def test_of_an_image_that_was_tried_inverted_those_count_that_were_taken() -> None:
    passes = [np.float32([1, 0]), np.float32([0, 1])]
    np.testing.assert_array_equal(image_features(passes, True, inverted=True), passes[1])
    np.testing.assert_array_equal(image_features(passes, True, inverted=False), passes[0])
    np.testing.assert_allclose(image_features(passes, False, False), np.sqrt([0.5, 0.5]), rtol=1e-6)


def test_passes_that_overflowed_do_not_count() -> None:
    broken, whole = np.float32([np.nan, np.nan]), np.float32([0, 1])
    np.testing.assert_array_equal(image_features([broken, whole, whole], True, False), whole)
    assert image_features([broken], True, False) is None
