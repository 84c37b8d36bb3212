"""What a network makes of an image at its bottleneck: a few hundred numbers to compare images by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn


def logits_and_bottleneck(net: nn.Module, batch: Tensor) -> tuple[Tensor, Tensor | None]:
    """What `net` gives for a batch, and the mean of its bottleneck over the batch and its axes (D,).

    The batch holds views of one image. None for a network without a bottleneck.
    """
    found: list[Tensor] = []
    bottleneck = getattr(net, "bottleneck", None)
    if bottleneck is None:
        return net(batch), None

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found.append(output.float().mean(dim=(0, *range(2, output.ndim))))

    handle = bottleneck.register_forward_hook(keep)
    try:
        return net(batch), found[0]
    finally:
        handle.remove()


def of_length_one(bottleneck: Tensor) -> np.ndarray:
    """The features of one pass: float32 (D,)."""
    return np.asarray(torch.nn.functional.normalize(bottleneck.float(), dim=0).cpu().numpy())


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
