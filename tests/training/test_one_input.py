"""What a network is shown is the same, to the bit, wherever it comes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from net_fakes import PointNet
from PIL import Image
from torch import Tensor

from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.predictor import Predictor
from napari_unet.models.card import ModelCard
from napari_unet.simulation.simulated_model import looking
from napari_unet.training.samples import labelled

RULE = IntensityRule("percentiles", 0.5, 99.5)


def _seen(card: ModelCard, raster: Raster) -> np.ndarray:
    """What really reaches the network when a user segments."""
    taken: list[Tensor] = []

    def look(x: Tensor) -> Tensor:
        taken.append(x.clone())
        return x

    run(Predictor(PointNet(look), card, torch.device("cpu")).steps(raster, raster.inverted))
    return taken[0].contiguous().numpy()


@pytest.mark.parametrize("size", [(32, 40), (96, 64), (200, 200)])
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_train_fine_tune_and_segment_show_a_network_the_same_numbers(
    tmp_path: Path, size: tuple[int, int], kind: str
) -> None:
    noise = np.random.default_rng(0)
    pixels = (noise.random((131, 97)) ** 4 * np.iinfo(kind).max).astype(kind)  # few bright pixels
    Image.fromarray(pixels).save(tmp_path / "image.png")
    labels = np.zeros(pixels.shape, np.uint8)
    labels[30:90, 20:70] = 1
    Image.fromarray(labels).save(tmp_path / "mask.png")
    card = ModelCard(name="m", input=InputRule(size=size), intensity=RULE)
    files = tmp_path / "image.png", tmp_path / "mask.png"
    of_a_recipe = TrainingPair("image.png", *files, "p", split="train")
    trained = labelled([of_a_recipe], card, oversize=False)
    tuned = labelled([TrainingPair("a", *files)], card, oversize=False)
    seen = _seen(card, Raster(pixels, inverted=False))
    assert trained.images.tobytes() == tuned.images.tobytes() == seen.tobytes()
    assert trained.masks.tobytes() == tuned.masks.tobytes()
    assert trained.valid.tobytes() == tuned.valid.tobytes()
    large = labelled([of_a_recipe], card, oversize=True)
    larger = labelled([TrainingPair("a", *files)], card, oversize=True)
    assert large.images.tobytes() == larger.images.tobytes()


def test_dark_bones_are_turned_alike(tmp_path: Path) -> None:
    """As after a header that says MONOCHROME1."""
    pixels = np.random.default_rng(1).integers(0, 4096, (90, 70)).astype(np.uint16)
    card = ModelCard(name="m", input=InputRule(size=(32, 32)), intensity=RULE)
    raster = Raster(pixels, inverted=True)
    tuned = labelled([TrainingPair("a", raster, np.ones(pixels.shape, np.uint8))], card, oversize=False)
    assert tuned.images.tobytes() == _seen(card, raster).tobytes()


def test_a_simulation_looks_through_the_same_predictor() -> None:
    taken: list[Tensor] = []
    pixels = np.random.default_rng(2).random((64, 48)).astype(np.float32)
    card = ModelCard(name="m", input=InputRule(size=(32, 32)), intensity=RULE)
    raster = Raster(pixels, inverted=False)
    net = PointNet(lambda x: taken.append(x.clone()) or x)
    with pytest.raises(Exception, match="bottleneck"):  # a point-wise net has none; it has seen the image
        looking(net, card)(raster)
    assert taken[0].contiguous().numpy().tobytes() == _seen(card, raster).tobytes()
