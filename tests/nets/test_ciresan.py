"""The sliding window of 2012, counted by hand and run pixel by pixel."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from napari_unet.nets.ciresan import KERNELS, SlidingWindow, activation


def windows(net: SlidingWindow, x: torch.Tensor) -> torch.Tensor:
    """Windows (N, 1, window, window) one by one, as in 2012: logits (N, 1, 1, 1)."""
    for convolution in net.encoder:
        x = functional.conv2d(x, convolution.weight, convolution.bias)
        x = functional.max_pool2d(activation(x), 2)
    return net.logit(activation(functional.conv2d(x, net.hidden.weight, net.hidden.bias)))


def test_the_largest_network_has_the_parameters_of_the_papers_table() -> None:
    convolutions = (48 * 4 * 4 + 48) + (48 * 48 * 5 * 5 + 48) + 2 * (48 * 48 * 4 * 4 + 48)
    connected = (200 * 48 * 3 * 3 + 200) + (2 * 200 + 2)
    net = SlidingWindow(window=95)
    assert sum(p.numel() for p in net.parameters()) == convolutions + connected == 219_290


def test_its_maps_are_those_of_the_papers_table() -> None:
    net, seen, side = SlidingWindow(window=95, maps=1, hidden=1), [], 95
    for convolution in net.encoder:
        seen.append(side - convolution.kernel_size[0] + 1)
        side = seen[-1] // 2
    assert seen == [92, 42, 18, 6] and net.hidden.kernel_size == (side, side) == (3, 3)


@pytest.mark.parametrize("window", KERNELS)
def test_all_pixels_at_once_are_as_window_by_window(window: int) -> None:
    torch.manual_seed(0)
    net = SlidingWindow(window=window, maps=4, hidden=6).double()
    image = torch.rand(1, 1, window + 10, window + 7, dtype=torch.float64)
    with torch.inference_mode():
        dense = net(image)[0, 0]
        assert dense.shape == (11, 8) and dense.std() > 0
        for row in range(11):
            for column in range(8):
                cut = image[..., row : row + window, column : column + window]
                assert windows(net, cut).item() == pytest.approx(dense[row, column].item(), abs=1e-5)


@pytest.mark.parametrize("arguments", [{"window": 64}, {"maps": 0}, {"hidden": 0}])
def test_arguments_it_does_not_know_are_errors(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        SlidingWindow(**arguments)
