"""The sliding window of 2012: one window after the other, and all windows of an image at once."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.images import unit_xray
from benchmarks.nets import fast_net
from benchmarks.result import Column, Result
from benchmarks.timing import interleaved
from napari_unet.core.lineage import CIRESAN
from napari_unet.models.folder import read_card
from napari_unet.models.library import default_library
from napari_unet.nets.ciresan import KERNELS, SlidingWindow, activation

_SIDE = 512  # pixels of the image


def one_window(net: SlidingWindow, x: Tensor) -> Tensor:
    """The network of 2012 on windows (N, 1, window, window): logits (N, 1, 1, 1)."""
    for convolution in net.encoder:
        x = functional.conv2d(x, convolution.weight, convolution.bias)  # type: ignore[arg-type]
        x = functional.max_pool2d(activation(x), 2)
    return net.logit(activation(functional.conv2d(x, net.hidden.weight, net.hidden.bias)))


@torch.inference_mode()
def measure(quick: bool) -> Result:
    """Windows of both sizes, at the paper's width."""
    side, counted, rounds = (_SIDE, 64, 5) if not quick else (48, 4, 1)
    result = Result(
        "The sliding window of 2012, all pixels at once",
        f"The network of Cireşan et al. 2012 on an image of {side} × {side} pixels with mirrored borders. "
        f"*Loop*: a window is cut out and classified, one after the other; {counted} windows are timed, and "
        "the time is that of one times all pixels, with the memory laid out as torch does by itself, and "
        "channels last, which is faster. *At once*: dilated convolutions, as in `nets/ciresan.py`. No loop "
        "can be more than the first ratio slower that computes as fast as all at once; the rest is what a "
        "window costs beside its multiplications. The difference is the largest among the logits of those "
        "windows. The last row is the network of `lineage-ciresan`.",
        (
            Column("window"),
            Column("multiply-adds, loop to at once", "ratio"),
            Column("loop, estimated", "s"),
            Column("loop, channels last", "s"),
            Column("at once", "s"),
            Column("times faster than the loop", "ratio"),
            Column("than the loop, channels last", "ratio"),
            Column("largest difference", "tiny"),
        ),
    )
    shipped = read_card(default_library().find(CIRESAN).folder).net.arguments
    for arguments in (*({"window": window} for window in KERNELS), shipped):
        torch.manual_seed(0)
        net = SlidingWindow(**arguments).eval()
        window = net.window
        half = window // 2
        padded = np.pad(unit_xray(side), half, mode="reflect").astype(np.float32)
        image = torch.from_numpy(padded)[None, None]
        places = np.random.default_rng(0).integers(0, side, (counted, 2)).tolist()
        fast = fast_net(net)  # the form in which models run

        def loop(net: SlidingWindow, image: Tensor = image, places: list[list[int]] = places) -> list[float]:
            size = net.window
            return [one_window(net, image[..., y : y + size, x : x + size]).item() for y, x in places]

        last = image.to(memory_format=torch.channels_last)
        contenders = {
            "loop": partial(loop, net),
            "loop in the other layout": partial(loop, fast, last),
            "at once": partial(fast, last),
        }
        times = interleaved(contenders, rounds)
        dense = fast(last)[0, 0]
        difference = max(abs(one - dense[y, x].item()) for one, (y, x) in zip(loop(net), places, strict=True))
        plain, laid, fastest = (times[name].best for name in contenders)
        loops = [seconds * side**2 / counted for seconds in (plain, laid)]
        named = f"{window} × {window}, {net.hidden.in_channels} maps"
        ratios = [seconds / fastest for seconds in loops]
        result.add(named, _saved(net, side), *loops, fastest, *ratios, difference)
    return result


def _saved(net: SlidingWindow, side: int) -> float:
    """Multiplications of the loop over those of all pixels at once."""
    extent, spread, own, shared = net.window, side + net.window - 1, 0, 0
    for layer in (*net.encoder, net.hidden):
        taps = layer.weight.numel()
        kernel, step = layer.kernel_size[0], layer.dilation[0]
        extent, spread = extent - kernel + 1, spread - (kernel - 1) * step
        own, shared = own + taps * extent**2, shared + taps * spread**2
        extent, spread = extent // 2, spread - step
    return own * side**2 / shared
