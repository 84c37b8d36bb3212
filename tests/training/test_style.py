from __future__ import annotations

import pytest
import torch
from net_fakes import tiny_net
from torch import nn

from napari_unet.training.style import MixStyle, mixed_style


def _features(n: int = 4) -> torch.Tensor:
    scale = torch.arange(1.0, n + 1).view(-1, 1, 1, 1)
    return torch.randn(n, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * scale + scale


def _mixed(x: torch.Tensor, chance: float = 1.0, training: bool = True, seed: int = 0) -> torch.Tensor:
    return MixStyle(chance, torch.Generator().manual_seed(seed))(nn.Identity().train(training), (), x)


def test_evaluation_leaves_everything_and_draws_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    before, x = generator.get_state(), _features()
    assert MixStyle(1.0, generator)(nn.Identity().eval(), (), x) is x
    assert torch.equal(generator.get_state(), before)


def test_chance_zero_leaves_everything() -> None:
    x = _features()
    assert _mixed(x, chance=0.0) is x


def test_statistics_change_and_content_stays() -> None:
    x = _features()
    y = _mixed(x)
    assert not torch.allclose(x, y)
    content = [(z - z.mean((2, 3), True)) / z.std((2, 3), keepdim=True) for z in (x, y)]
    assert torch.allclose(*content, atol=1e-4)
    means = x.mean((2, 3))  # a mixed mean lies between those of two samples
    assert y.mean((2, 3)).min() >= means.min() - 1e-4 and y.mean((2, 3)).max() <= means.max() + 1e-4


def test_a_sample_alone_has_nobody_to_mix_with() -> None:
    x = _features(1)
    assert torch.allclose(_mixed(x), x, atol=1e-4)


def test_no_gradient_flows_through_the_statistics() -> None:
    x = _features().requires_grad_()
    _mixed(x).sum().backward()
    std = x.detach().std(dim=(2, 3), keepdim=True)
    assert torch.all(x.grad.std(dim=(2, 3)) < 1e-5)  # one factor per channel and sample, nothing else
    assert torch.all(x.grad > 0) and std.min() > 0


def test_it_is_seeded() -> None:
    x = _features()
    assert torch.equal(_mixed(x, seed=3), _mixed(x, seed=3))
    assert not torch.equal(_mixed(x, seed=3), _mixed(x, seed=4))


def test_beta_shares_lie_mostly_at_the_ends() -> None:
    share = MixStyle(1.0, torch.Generator().manual_seed(0))._beta(20_000)
    assert share.min() >= 0 and share.max() <= 1
    assert float(share.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(share.var()) == pytest.approx(1 / (4 * 1.2), abs=0.01)  # of Beta(0.1, 0.1)


def test_the_block_ends_without_a_trace_even_after_an_error() -> None:
    net, x = tiny_net(), torch.rand(2, 1, 16, 16)
    before = net(x)
    with pytest.raises(RuntimeError), mixed_style(net.encoder, 1.0, torch.Generator()):
        assert torch.equal(net(x), before)  # the net is in evaluation mode
        net.train()
        raise RuntimeError
    assert not any(part._forward_hooks for part in net.modules())
