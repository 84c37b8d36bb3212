"""Losses on logits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(logits, masks, valid) → scalar, as `dice_and_cross_entropy`."""


def cross_entropy(logits: Tensor, masks: Tensor, valid: Tensor) -> Tensor:
    """Binary cross-entropy, the mean over the pixels that count and the labels.

    Arguments as below; where labels count in different pixels, `valid` has a channel for each.
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    counting = valid.sum() * (logits.shape[1] // valid.shape[1])
    return (entropy * valid).sum() / counting.clamp(min=1)


def dice_and_cross_entropy(logits: Tensor, masks: Tensor, valid: Tensor | None = None) -> Tensor:
    """Binary cross-entropy plus soft Dice loss, each a mean (Milletari 2016, equation 3: squares below).

    logits, masks : (N, C, Y, X); masks hold 0 or 1. valid : (N, 1, Y, X), 0 where a pixel must not count.
    Returns a scalar. A class that is empty in the mask is pushed to be empty (smoothing term of one pixel).
    """
    weight = torch.ones_like(masks[:, :1]) if valid is None else valid
    entropy = cross_entropy(logits, masks, weight)
    probability = torch.sigmoid(logits) * weight
    masks = masks * weight
    overlap = (probability * masks).sum(dim=(2, 3))
    total = probability.square().sum(dim=(2, 3)) + masks.sum(dim=(2, 3))
    dice = (2 * overlap + 1) / (total + 1)
    return entropy + (1 - dice).mean()


LOSSES: dict[str, Loss] = {"dice and cross-entropy": dice_and_cross_entropy, "cross-entropy": cross_entropy}
"""By the names that settings give them."""
