"""On a real CUDA device."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from net_fakes import card, lungs, tiny_net, xray

from napari_unet.core.input_rule import InputRule
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.device import pick_device
from napari_unet.inference.predictor import Predictor

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("how", [InputRule(), InputRule(size=(64, 64))])
@pytest.mark.parametrize("flips", [False, True])
def test_cuda_equals_the_cpu_within_half_precision(flips: bool, how: InputRule) -> None:
    net, raster = tiny_net(base=8, widest=32), Raster(xray(lungs(200, 300)))
    described = card(input=how, flips=flips)
    there = run(Predictor(net, described, pick_device("cuda")).steps(raster))
    here = run(Predictor(net, described, torch.device("cpu")).steps(raster))
    assert there.device == "cuda"
    assert np.abs(there.probability - here.probability).max() < 0.03
    assert np.abs(there.probability - here.probability).mean() < 0.002
    assert np.mean(there.mask() != here.mask()) < 0.005


def test_the_network_runs_in_half_precision() -> None:
    kinds = []
    predictor = Predictor(tiny_net(), card(), pick_device("cuda"))
    head = predictor.network.net.head
    head.register_forward_hook(lambda module, inputs, output: kinds.append(output.dtype))
    run(predictor.steps(Raster(xray(lungs()))))
    assert kinds == [torch.float16]


def test_out_of_memory_ends_on_the_processor() -> None:
    net, raster = tiny_net(base=8, widest=32), Raster(xray(lungs(512, 512)))
    expected = run(Predictor(net, card(), torch.device("cpu")).steps(raster))
    predictor = Predictor(net, card(), pick_device("cuda"))
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-6)
    try:
        found = run(predictor.steps(raster))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "processor" in found.notes[-1]
    np.testing.assert_allclose(found.probability, expected.probability, atol=1e-4)


def test_training_runs_on_cuda() -> None:
    from net_fakes import tiny_samples

    from napari_unet.training.config import TrainingConfig
    from napari_unet.training.fit import fit

    described = card(input=InputRule(size=(32, 32)))
    train, val = tiny_samples(4), tiny_samples(2, side=32)
    steps = fit(tiny_net(), train, val, described, TrainingConfig(epochs=2), device="cuda")
    assert [np.isfinite(epoch.loss) for epoch in steps] == [True, True]
