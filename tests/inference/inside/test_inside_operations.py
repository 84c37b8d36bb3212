"""What operations are said to do, against the arithmetic done by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from napari_unet.core.errors import UserError
from napari_unet.core.inside import Look, Panel
from napari_unet.inference.inside.numbers import telling_corner
from napari_unet.inference.inside.operations import border_pixel, look
from napari_unet.inference.inside.subject import Subject


def panel(of: Look, name: str) -> Panel:
    return next(one for one in of.panels if one.name == name)


WITH_CONVOLUTIONS = ("lineage-residual", "lineage-unet-2015", "lineage-ciresan", "lineage-alexnet")


@pytest.mark.parametrize("name", WITH_CONVOLUTIONS)
def test_the_sum_of_the_products_is_the_networks_value(seen: Callable[..., Subject], name: str) -> None:
    subject = seen(name)
    for stage in ("encoder.0", "encoder.1"):
        found = look(subject, "convolution", stage, (31, 20))
        assert found.facts["sum"] == pytest.approx(found.facts["value"], rel=1e-4, abs=1e-5)
        kernel, patch, products = (panel(found, key).numbers for key in ("kernel", "patch", "products"))
        assert kernel is not None and patch is not None and products is not None
        np.testing.assert_allclose(kernel * patch, products, rtol=1e-5)
        assert products.sum() == pytest.approx(found.facts["part"], rel=1e-4, abs=1e-6)


def test_of_four_numbers_the_largest_remains(seen: Callable[..., Subject]) -> None:
    found = look(seen("lineage-residual"), "pooling", "encoder.0", (31, 20))
    four, largest = panel(found, "four_numbers").numbers, panel(found, "largest").numbers
    assert four is not None and largest is not None
    np.testing.assert_allclose(four.reshape(3, 2, 3, 2).max(axis=(1, 3)), largest)
    assert found.facts["left"] == 25


def test_a_transposed_convolution_returns_the_size_and_not_the_values(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-unet-2015")
    found = look(subject, "deconvolution", "", (31, 20))
    assert found.facts["before"] == found.facts["after"] != found.facts["pooled"]
    assert 0 < found.facts["error"] <= 100
    small, back = panel(found, "numbers_pooled").numbers, panel(found, "numbers_back").numbers
    assert small is not None and back is not None
    up: Any = subject.inner.up[0]  # type: ignore[index]
    weights = up.conv.weight.detach()
    strongest = int(weights.square().sum(dim=(2, 3)).argmax())
    kernel = weights.flatten(0, 1)[strongest][None, None]
    made = functional.conv_transpose2d(torch.from_numpy(small)[None, None], kernel, stride=2)[0, 0].numpy()
    scale = (made * back).sum() / max((made * made).sum(), 1e-12)
    np.testing.assert_allclose(made * scale, back, rtol=1e-4, atol=1e-5)


def test_numbers_are_shown_where_there_is_something_to_see() -> None:
    values = torch.zeros(20, 30)
    values[13, 23] = 2.0
    y, x = telling_corner(values, (3, 3), 4)
    assert y % 2 == x % 2 == 0 and y <= 13 < y + 4 and x <= 23 < x + 4
    assert telling_corner(values, (13, 22), 4) == (10, 20), "it stays where something is seen"
    assert telling_corner(torch.zeros(2, 2), (0, 0), 4) == (0, 0)


def test_interpolation_is_no_transposed_convolution(seen: Callable[..., Subject]) -> None:
    with pytest.raises(UserError, match="by interpolation"):
        look(seen("cxr-lung"), "deconvolution")


def test_a_residual_block_adds_its_input(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-residual")
    found = look(subject, "residual")
    assert found.facts["stage"] == "encoder level 2" and 0 < found.facts["share"] < 100
    kept: dict[str, Any] = {}
    block: Any = subject.net.encoder[1]  # type: ignore[index]
    for key, part in (("x", block.shortcut), ("f", block.norm2), ("sum", block)):
        part.register_forward_hook(lambda _m, _i, out, key=key: kept.update({key: out.clone()}))
    with torch.no_grad():
        subject.net(subject.x)
    torch.testing.assert_close(torch.relu(kept["x"] + kept["f"]), kept["sum"])


def test_numbers_that_remain_in_the_depth(seen: Callable[..., Subject]) -> None:
    found = look(seen("lineage-encoder-decoder"), "latent")
    assert (found.facts["given"], found.facts["numbers"]) == (64 * 64, 16 * 16 * 16)
    assert [one.facts["stage"] for one in found.panels[1:]] == [
        "encoder level 1",
        "encoder level 2",
        "bottleneck",
    ]


def test_skips_and_what_is_left_without_them(seen: Callable[..., Subject]) -> None:
    found = look(seen("lineage-residual"), "skip", "up.1")
    assert found.facts["skips"] == 2 and found.facts["level"] == 2
    assert 0 <= found.facts["dice"] <= 1 and 0 <= found.facts["dice_all"] <= 1
    with pytest.raises(UserError, match="no skip connection"):
        look(seen("lineage-encoder-decoder"), "skip")


def test_padding_says_what_would_remain(seen: Callable[..., Subject]) -> None:
    found = look(seen("lineage-residual"), "padding")
    assert (found.facts["before"], found.facts["lost"], found.facts["after"]) == ("64 × 64", 20, "24 × 24")
    assert found.facts["padded"] and not look(seen("lineage-unet-2015"), "padding").facts["padded"]


def test_the_two_streams_of_alexnet(seen: Callable[..., Subject]) -> None:
    found = look(seen("lineage-alexnet"), "streams")
    assert found.facts["maps"] == 11 and found.facts["first"] == 4
    one, other = panel(found, "stream_one").pixels, panel(found, "stream_two").pixels
    assert one is not None and other is not None and one.shape == other.shape
    with pytest.raises(UserError, match="one stream"):
        look(seen("lineage-residual"), "streams")


def test_there_is_no_such_operation(seen: Callable[..., Subject]) -> None:
    with pytest.raises(UserError, match="no operation magic"):
        look(seen("lineage-residual"), "magic")


def test_an_example_lies_on_the_border_of_the_mask(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-residual")
    row, column = border_pixel(subject)
    assert 0 <= row < subject.shape[0] and 0 <= column < subject.shape[1]
