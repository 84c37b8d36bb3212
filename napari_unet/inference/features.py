"""What a network makes of an image at its bottleneck: a few hundred numbers to compare images by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn


@contextmanager
def bottleneck_features(net: nn.Module) -> Iterator[list[np.ndarray]]:
    """While it is open, each pass of `net` adds its features: float32 (D,), of length 1, to the list.

    Features are the bottleneck's mean over the image, and over the batch, which holds views of one image. A
    network without a bottleneck adds nothing.
    """
    found: list[np.ndarray] = []
    bottleneck = getattr(net, "bottleneck", None)
    if bottleneck is None:
        yield found
        return

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        pooled = output.detach().float().mean(dim=(0, *range(2, output.ndim)))
        found.append(torch.nn.functional.normalize(pooled, dim=0).cpu().numpy())

    handle = bottleneck.register_forward_hook(keep)
    try:
        yield found
    finally:
        handle.remove()


def image_features(passes: Sequence[np.ndarray], both_ways: bool, inverted: bool) -> np.ndarray | None:
    """The features of an image or stack from those of its passes: their mean, of length 1; None if unknown.

    both_ways : two passes are the image as it is and inverted; then the one counts that was taken.
    """
    if both_ways and len(passes) == 2:
        passes = passes[1:] if inverted else passes[:1]
    usable = [one for one in passes if np.isfinite(one).all()]  # half precision may have been left
    if not usable:
        return None
    mean = np.mean(usable, axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length, np.float32) if length > 0 else None
