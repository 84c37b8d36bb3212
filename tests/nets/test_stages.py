"""The drawing of a network against figures of the papers, and its receptive fields against gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from napari_unet.core.network_facts import NetworkDrawing
from napari_unet.nets.receptive_field import Dependence
from napari_unet.nets.registry import build
from napari_unet.nets.stages import drawing


def drawn(kind: str, size: tuple[int, ...], **arguments: Any) -> NetworkDrawing:
    with torch.device("meta"):
        return drawing(build(kind, arguments), size)


def test_the_u_net_of_2015_level_by_level() -> None:
    """Figure 1 of the paper: 572 pixels in, 388 out, and the sizes between."""
    found = drawn("unet", (384, 384), base=64, depth=4, padded=False, norm="none")
    assert found.input_size == (572, 572) and found.parameters == 31_030_593  # one class; with two 31,030,658
    sizes = {stage.name: (stage.size[0], stage.channels) for stage in found.stages}
    levels = [sizes[f"encoder.{level}"] for level in range(4)] + [sizes["bottleneck"]]
    assert levels == [(568, 64), (280, 128), (136, 256), (64, 512), (28, 1024)]
    assert [sizes[f"up.{level}"] for level in (3, 2, 1, 0)] == [(56, 512), (104, 256), (200, 128), (392, 64)]
    assert [sizes[f"decoder.{level}"][0] for level in (3, 2, 1, 0)] == [52, 100, 196, 388]
    assert found.stages[-1].name == "head" and found.stages[-1].size == (388, 388)
    assert [found.level(stage) for stage in found.stages] == [0, 1, 2, 3, 4, 3, 3, 2, 2, 1, 1, 0, 0, 0]


def test_alexnet_layer_by_layer() -> None:
    """Parameters of all, neurons and receptive fields of each convolution counted by hand."""
    found = drawn("alexnet", (227, 227))
    assert found.parameters == 60_965_224 == sum(stage.parameters for stage in found.stages)
    neurons = [stage.channels * stage.size[0] * stage.size[1] for stage in found.stages]
    assert neurons == [290_400, 186_624, 64_896, 64_896, 43_264, 4096, 1000]
    assert [stage.field for stage in found.stages] == [11, 51, 99, 131, 163, None, None]
    assert found.multiply_adds == pytest.approx(724e6, rel=1e-3)


def test_the_sliding_window_sees_its_window() -> None:
    found = drawn("sliding-window", (64, 64), window=95)
    assert [stage.name for stage in found.stages] == [*(f"encoder.{k}" for k in range(4)), "hidden", "output"]
    assert found.stages[-1].field == 95 and found.stages[-1].size == (64, 64)


def test_normalisation_over_the_image_sees_all_of_it() -> None:
    found = drawn("unet", (64, 64), base=2, depth=2, norm="instance")
    assert {stage.field for stage in found.stages} == {None}


def test_both_answers_of_a_child_are_drawn() -> None:
    base = {"kind": "unet", "arguments": {"base": 4, "depth": 2}}
    found = drawn("further-answer", (64, 64), base=base)
    assert {"base.head", "own.head"} <= {stage.name for stage in found.stages}
    assert found.parameters == sum(stage.parameters for stage in found.stages)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("unet", {"base": 2, "depth": 3, "norm": "none"}),
        ("unet", {"base": 2, "depth": 3, "norm": "none", "up": "interpolate", "block": "residual"}),
        ("unet", {"base": 2, "depth": 2, "norm": "none", "padded": False}),
        ("unet", {"base": 2, "depth": 2, "norm": "none", "skips": False}),
        ("sliding-window", {"window": 65, "maps": 2, "hidden": 3}),
    ],
)
def test_the_field_is_what_gradients_reach(
    kind: str, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same network with positive weights, in which the maximum of a pooling is replaced by a mean."""

    def mean(x: torch.Tensor, kernel_size: int, stride: int | None = None, dilation: int = 1) -> torch.Tensor:
        ones = torch.ones(x.shape[1], 1, kernel_size, kernel_size, dtype=x.dtype)
        return functional.conv2d(x, ones, None, stride or kernel_size, 0, dilation, x.shape[1])

    net: Any = build(kind, arguments).double().eval()
    for parameter in net.parameters():
        nn.init.uniform_(parameter, 0.5, 1.0)
        parameter.data /= max(1, parameter[0].numel())
    net = getattr(net, "net", net)
    sides = [(40 * n + 4 * net.output_margin) // net.stride * net.stride for n in (1, net.stride)]
    image = torch.zeros(1, 1, *(side + net.input_remainder for side in sides), dtype=torch.float64)
    with Dependence(image) as dependence, torch.no_grad():
        field = dependence.field(net(image))
    monkeypatch.setattr(functional, "max_pool2d", mean)
    widest = 0
    image.requires_grad_(True)
    out = net(image)
    middle = out.shape[-1] // 2
    for at in range(middle, middle + net.stride):
        (gradient,) = torch.autograd.grad(out[0, 0, out.shape[-2] // 2, at], image, retain_graph=True)
        reached = gradient[0, 0].abs().sum(dim=0).nonzero().flatten()
        widest = max(widest, int(reached[-1] - reached[0]) + 1)
    assert field == widest


def test_the_network_is_not_changed() -> None:
    net = build("unet", {"base": 2, "depth": 1})
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.device("meta"):
        drawing(build("unet", {"base": 2, "depth": 1}), (16, 16))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())
