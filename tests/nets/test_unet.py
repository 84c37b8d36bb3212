from __future__ import annotations

import pytest
import torch
from net_fakes import tiny_net
from torch.nn import functional

from napari_unet.nets.unet import UNet, centre_crop


def test_without_padding_it_is_the_network_of_2015() -> None:
    net = tiny_net(base=1, widest=1, depth=4, padded=False, classes=2, norm="none")
    assert net(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    assert net.output_margin == (572 - 388) // 2
    paper = UNet(classes=2, norm="none")
    assert round(sum(p.numel() for p in paper.parameters()) / 1e6) == 31


@pytest.mark.parametrize(("depth", "side"), [(0, 20), (1, 24), (2, 44), (3, 92)])
def test_output_margin_is_what_the_border_loses(depth: int, side: int) -> None:
    net = tiny_net(depth=depth, padded=False)
    assert net(torch.zeros(1, 1, side, side)).shape[-1] == side - 2 * net.output_margin


@pytest.mark.parametrize("block", ["plain", "residual"])
@pytest.mark.parametrize("up", ["transposed", "interpolate"])
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_with_padding_the_size_stays(norm: str, up: str, block: str) -> None:
    net = tiny_net(norm=norm, up=up, block=block, classes=3, channels=2)
    y = net(torch.randn(2, 2, 32, 48))
    assert y.shape == (2, 3, 32, 48)
    assert y.isfinite().all()
    assert (net.channels, net.classes, net.stride, net.output_margin) == (2, 3, 4, 0)


def test_residual_blocks_work_without_padding() -> None:
    net = tiny_net(block="residual", padded=False)
    assert net(torch.zeros(1, 1, 44, 44)).shape == (1, 1, 4, 4)


@pytest.mark.parametrize("shape", [(30, 32), (32, 34), (33, 32)])
def test_a_size_that_cannot_be_halved_is_an_error(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be halved"):
        tiny_net()(torch.zeros(1, 1, *shape))


@pytest.mark.parametrize(
    "arguments",
    [{"norm": "layer"}, {"up": "nearest"}, {"block": "dense"}, {"base": 0}, {"classes": 0}, {"depth": -1}],
)
def test_arguments_it_does_not_know_are_errors(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        UNet(**arguments)


@pytest.mark.parametrize("up", ["transposed", "interpolate"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_receptive_radius_bounds_what_a_pixel_sees(
    depth: int, up: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functional, "max_pool2d", functional.avg_pool2d)  # has a gradient everywhere
    net = tiny_net(depth=depth, up=up, norm="none").double()
    for parameter in net.parameters():
        torch.nn.init.constant_(parameter, 0.1)  # no ReLU is ever off
    radius, side = net.receptive_radius, 8 * 2**depth + 2 * net.receptive_radius // 2**depth * 2**depth
    reach = 0
    for k in range(net.stride):  # every place in relation to the poolings
        x = torch.ones(1, 1, side, net.stride, dtype=torch.float64, requires_grad=True)
        at = side // 2 // net.stride * net.stride + k
        net(x)[0, 0, at, 0].backward()
        seen = torch.nonzero(x.grad[0, 0].abs().sum(dim=1)).flatten() - at
        reach = max(reach, int(seen.abs().max()))
    assert radius - net.stride < reach <= radius


def test_instance_normalisation_sees_the_whole_image() -> None:
    assert tiny_net(norm="instance").receptive_radius is None


def test_skip_connections_carry_detail() -> None:
    net = tiny_net(base=8, widest=32)
    x = torch.rand(1, 1, 16, 16, requires_grad=True)
    for up in net.up:  # cut everything but the skips
        torch.nn.init.zeros_(up.conv.weight)
    net(x).sum().backward()
    assert x.grad.abs().sum() > 0


def test_dropout_is_off_in_evaluation() -> None:
    net, x = tiny_net(dropout=0.9, widest=64), torch.rand(1, 1, 32, 32)
    assert torch.equal(net(x), net(x))
    net.train()
    assert not torch.equal(net(x), net(x))


def test_centre_crop_takes_the_middle() -> None:
    x = torch.arange(5.0).expand(1, 1, 5, 5)
    assert centre_crop(x, torch.zeros(1, 1, 1, 3)).tolist() == [[[[1, 2, 3]]]]


def test_seeded_weights_are_equal() -> None:
    a, b = tiny_net(3).state_dict(), tiny_net(3).state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_without_skips_nothing_passes_beside_the_bottleneck() -> None:
    with_skips, without = (tiny_net(skips=skips) for skips in (True, False))
    for net in (with_skips, without):
        net.up[-1].conv.weight.data.zero_()  # the last way up from the bottleneck is cut
        net.up[-1].conv.bias.data.zero_()
    x = torch.randn(2, 1, 32, 32)
    assert with_skips(x)[0].sub(with_skips(x)[1]).abs().max() > 1e-3
    assert without(x)[0].sub(without(x)[1]).abs().max() == 0
    counts = [sum(p.numel() for p in net.decoder.parameters()) for net in (with_skips, without)]
    assert counts[1] < counts[0]
