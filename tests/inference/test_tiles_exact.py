"""The law of the tiles: with the network's own radius as halo they give the whole padded image's result."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from net_fakes import TINY, card, tiny_net
from torch import nn

from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.core.tiling import TilePlan, predict_tiled
from napari_unet.inference import placed_network
from napari_unet.inference.predictor import Predictor
from napari_unet.nets.answer_designs import DESIGNS
from napari_unet.nets.mirrored import MirroredBorders
from napari_unet.nets.registry import build


def _whole(net: nn.Module, image: np.ndarray) -> np.ndarray:
    """Logits of the whole image, padded at bottom and right by its last pixel."""
    pad = [(0, -n % net.stride) for n in image.shape]
    x = torch.from_numpy(np.pad(image, pad, mode="edge"))[None, None]
    with torch.inference_mode():
        return net(x)[0, :, : image.shape[0], : image.shape[1]].numpy()


def _tiled(net: nn.Module, image: np.ndarray, halo: int, core: int) -> np.ndarray:
    def predict(part: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return net(torch.from_numpy(np.ascontiguousarray(part))[None, None])[0].numpy()

    steps = predict_tiled(image, predict, TilePlan(image.shape, core, halo, net.stride))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def _halo(net: nn.Module) -> int:
    return -(-net.receptive_radius // net.stride) * net.stride


@pytest.mark.parametrize("block", ["plain", "residual"])
@pytest.mark.parametrize("up", ["transposed", "interpolate"])
@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_tiles_equal_the_whole(depth: int, up: str, block: str) -> None:
    net = tiny_net(depth=depth, up=up, block=block).double()
    for side in (2 * _halo(net) + 5 * net.stride + 3, 3 * net.stride - 1):
        for shape in ((net.stride + 1, side), (side, net.stride - 1)):
            image = np.random.default_rng(depth).random(shape)
            found = _tiled(net, image, _halo(net), 2 * net.stride)
            np.testing.assert_allclose(found, _whole(net, image).astype(np.float32), rtol=2e-7)


@pytest.mark.parametrize("design", DESIGNS)
def test_tiles_equal_the_whole_with_a_further_answer(design: str) -> None:
    net = build("further-answer", {"base": {"kind": "unet", "arguments": TINY}, "design": design})
    net = net.double().eval()
    for shape in ((net.stride + 1, 3 * _halo(net) + 3), (2 * _halo(net) + 5, net.stride - 1)):
        image = np.random.default_rng(0).random(shape)
        found = _tiled(net, image, _halo(net), 2 * net.stride)
        np.testing.assert_allclose(found, _whole(net, image).astype(np.float32), rtol=2e-7, atol=1e-12)


@pytest.mark.parametrize("depth", [2, 3])
def test_tiles_equal_the_whole_without_padding(depth: int) -> None:
    net = MirroredBorders(tiny_net(depth=depth, padded=False).double())
    for shape in ((net.stride + 1, 3 * _halo(net) + 3), (2 * _halo(net) + 5, net.stride - 1)):
        image = np.random.default_rng(depth).random(shape)
        found = _tiled(net, image, _halo(net), 2 * net.stride)
        np.testing.assert_allclose(found, _whole(net, image).astype(np.float32), rtol=2e-7)


@pytest.mark.parametrize("up", ["transposed", "interpolate"])
def test_a_smaller_halo_would_not_be_enough(up: str) -> None:
    net = tiny_net(depth=2, up=up, base=8, widest=16).double()
    image = np.random.default_rng(0).random((20, 96))
    short = _tiled(net, image, _halo(net) - 3 * net.stride, net.stride)
    assert np.abs(short - _whole(net, image)).max() > 1e-4


@pytest.mark.parametrize("shape", [(100, 77), (33, 409), (409, 33), (64, 64), (65, 63)])
@pytest.mark.parametrize("flips", [False, True])
@pytest.mark.parametrize("up", ["transposed", "interpolate"])
def test_the_predictor_s_tiles_equal_its_whole(
    up: str, flips: bool, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    raster = Raster(np.random.default_rng(0).random(shape, dtype=np.float32))
    tiles = Predictor(tiny_net(depth=2, up=up), card(flips=flips), torch.device("cpu"))
    whole = run(tiles.steps(raster))
    monkeypatch.setattr(placed_network, "_FIRST_CORE", 8)
    steps = tiles.steps(raster)
    assert next(steps).total > 1 or raster.pixels.size < 5000
    cut = run(steps)
    np.testing.assert_allclose(cut.probability, whole.probability, atol=1e-5)
    np.testing.assert_allclose(cut.uncertainty, whole.uncertainty, atol=1e-4)


def test_a_net_that_sees_everything_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placed_network, "_FIRST_CORE", 16)
    net = tiny_net(norm="instance")
    image = np.random.default_rng(0).random((50, 70), dtype=np.float32)
    steps = Predictor(net, card(), torch.device("cpu")).steps(Raster(image))
    assert next(steps).total == 1
    expected = torch.sigmoid(torch.from_numpy(_whole(net, image))).numpy()
    np.testing.assert_allclose(run(steps).probability, expected, atol=1e-5)
