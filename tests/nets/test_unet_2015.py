"""The U-Net of 2015 against figure 1 and section 3 of its paper."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from net_fakes import card
from torch import nn

from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference import placed_network
from napari_unet.inference.predictor import Predictor
from napari_unet.models.card import NetSpec
from napari_unet.nets.registry import build, facts_of
from napari_unet.nets.unet_2015 import UNet2015

FIGURE_1 = {
    "encoder.0": (64, 568),
    "encoder.1": (128, 280),
    "encoder.2": (256, 136),
    "encoder.3": (512, 64),
    "bottleneck": (1024, 28),
    "up.3": (512, 56),
    "decoder.3": (512, 52),
    "up.2": (256, 104),
    "decoder.2": (256, 100),
    "up.1": (128, 200),
    "decoder.1": (128, 196),
    "up.0": (64, 392),
    "decoder.0": (64, 388),
    "head": (2, 388),
}
"""Channels and side of the maps that leave a level, as the figure prints them."""


def test_every_level_has_the_channels_and_the_size_of_figure_1() -> None:
    seen: dict[str, tuple[int, int]] = {}
    with torch.device("meta"):
        net = UNet2015(classes=2)
        for name, module in net.named_modules():
            if name in FIGURE_1:
                module.register_forward_hook(
                    lambda _m, _i, out, name=name: seen.update({name: (out.shape[1], out.shape[-1])})
                )
        assert net(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    assert list(seen.items()) == list(FIGURE_1.items())
    convolutions = [part for part in net.modules() if isinstance(part, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convolutions) == 23  # section 2: "In total the network has 23 convolutional layers."


def test_it_has_the_parameters_that_can_be_counted_in_figure_1() -> None:
    widths = (1, 64, 128, 256, 512, 1024)
    pairs = list(pairwise(widths))
    down = sum((9 * a * b + b) + (9 * b * b + b) for a, b in pairs)
    up = sum((4 * b * a + a) + (9 * 2 * a * a + a) + (9 * a * a + a) for a, b in pairs[1:])
    with torch.device("meta"):
        counted = sum(p.numel() for p in UNet2015(classes=2).parameters())
    assert counted == down + up + (64 * 2 + 2) == 31_030_658


def test_weights_have_the_variance_of_section_3() -> None:
    """The paper's own example: for a 3×3 convolution and 64 channels before it, N = 9 · 64 = 576."""
    torch.manual_seed(0)
    net = UNet2015(base=32)
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.weight.numel() > 5000:
            taps = 1 if isinstance(module, nn.ConvTranspose2d) else module.kernel_size[0] ** 2
            expected = (2 / (taps * module.in_channels)) ** 0.5
            assert module.weight.std().item() == pytest.approx(expected, rel=0.05), name
            assert not module.bias.any()


def test_the_first_layer_begins_as_if_images_had_mean_0_and_variance_1() -> None:
    torch.manual_seed(0)
    first = UNet2015(base=64).levels[0].conv1
    images = 0.5 + 0.25 * torch.randn(1, 1, 60, 60)
    with torch.no_grad():
        assert first(torch.full((1, 1, 5, 5), 0.5)).abs().max() < 1e-5
        assert first(images).std().item() == pytest.approx(2**0.5, rel=0.1)  # of 9 inputs, variance 2 / 9


def test_dropout_is_at_the_end_of_the_contracting_path_in_training_only() -> None:
    torch.manual_seed(0)
    net, x = UNet2015(base=2), torch.rand(1, 1, 188, 188)
    with torch.no_grad():
        resting, moving = net.eval().encoded(x), net.train().encoded(x)
        assert all(torch.equal(a, b) for a, b in zip(resting, net.eval().encoded(x), strict=True))
    for number, (kept, dropped) in enumerate(zip(resting, moving, strict=True)):
        if number < 3:
            assert torch.equal(kept, dropped)
            continue
        assert not torch.equal(kept, dropped)
        whole_maps = (dropped == 0).flatten(2).all(dim=2)
        assert not whole_maps.all() and (dropped == 0).float().mean() > 0.4  # single numbers, not maps


def test_what_is_copied_is_the_middle_and_comes_first() -> None:
    net, x = UNet2015(base=1).eval(), torch.rand(1, 1, 188, 188)
    seen: list[torch.Tensor] = []
    net.decoder[0].register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0]))
    with torch.no_grad():
        net(x)
        first = net.encoder[0](x)
    assert first.shape[-1] == 184 and seen[0].shape == (1, 2, 8, 8)
    assert torch.equal(seen[0][:, :1], first[..., 88:96, 88:96])


@pytest.mark.parametrize("shape", [(40, 1500), (1500, 33)])
def test_tiles_equal_the_whole_with_mirrored_borders(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    spec = NetSpec(kind="unet-2015", arguments={"base": 2})
    net = build(spec.kind, spec.arguments).eval()
    raster = Raster(np.random.default_rng(0).random(shape, dtype=np.float32))
    whole = run(Predictor(net, card(net=spec), torch.device("cpu")).steps(raster)).probability
    assert whole.std() > 1e-3
    monkeypatch.setattr(placed_network, "_FIRST_CORE", 1)
    steps = Predictor(net, card(net=spec), torch.device("cpu")).steps(raster)
    assert next(steps).total > 1
    np.testing.assert_allclose(
        run(steps).probability, whole, atol=1e-5
    )  # rounding, of which some processors have more


def test_a_card_says_that_its_borders_are_mirrored() -> None:
    net = build("unet-2015", {"base": 1})
    assert facts_of(net).in_words() == (
        "stride 16, receptive radius 107 pixels, borders mirrored by 92 pixels"
    )


@pytest.mark.parametrize("arguments", [{"base": 0}, {"classes": 0}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_what_is_no_network_is_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        UNet2015(**arguments)
