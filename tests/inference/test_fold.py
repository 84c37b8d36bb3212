from __future__ import annotations

import pytest
import torch
from net_fakes import tiny_net
from torch import nn

from napari_unet.inference.fold import folded


@pytest.mark.parametrize("block", ["plain", "residual"])
@pytest.mark.parametrize("up", ["transposed", "interpolate"])
@pytest.mark.parametrize("depth", [1, 3])
def test_folding_changes_nothing_but_the_last_digits(depth: int, up: str, block: str) -> None:
    net = tiny_net(depth=depth, up=up, block=block, base=4, widest=16)
    x = torch.randn(2, 1, 32, 40)
    with torch.inference_mode():
        assert _difference(folded(net)(x), net(x)) <= 1e-5
        assert _difference(folded(net.double())(x.double()), net(x.double())) <= 1e-12


def _difference(logits: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest, as a share of the largest logit: these networks' logits may reach 200."""
    return float((logits - expected).abs().max() / expected.abs().max())


def test_no_batch_normalisation_is_left_and_the_net_stays_as_it_was() -> None:
    net = tiny_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.train()
    small = folded(net)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in small.modules())
    assert not small.training and net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_instance_normalisation_stays() -> None:
    net, x = tiny_net(norm="instance"), torch.randn(1, 1, 16, 16)
    assert torch.equal(folded(net)(x), net(x))
