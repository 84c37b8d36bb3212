"""How much a pixel counts in the loss: borders between objects more, or as many pixels of each class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from napari_unet.core.border_weights import BorderWeights, between_objects
from napari_unet.core.partition import objects_of
from napari_unet.training.samples import Samples


def with_border_weights(samples: Samples, weights: BorderWeights | None, size: tuple[int, int]) -> Samples:
    """The samples with the weight map of Ronneberger 2015, equation 2; without `weights` as they are.

    Its first term balances the classes: each label, and what has none, has the same sum of weights among all
    pixels that count, and their mean is 1. size : of the network's input, in whose pixels sigma is; samples
    may be larger.
    """
    if weights is None:
        return samples
    classes = np.concatenate([samples.masks, 1 - samples.masks.max(axis=1, keepdims=True)], axis=1)
    counts = (classes * samples.valid).sum(axis=(0, 2, 3), dtype=np.float64)
    present = np.count_nonzero(counts)
    shares = np.where(counts > 0, counts.sum() / (present * np.maximum(counts, 1)), 0).astype(np.float32)
    found = np.einsum("ncyx,c->nyx", classes, shares)
    scaled = replace(weights, sigma=weights.sigma * samples.images.shape[-2] / size[0])
    for image, masks in zip(found, samples.masks, strict=True):
        image += between_objects(_objects(masks > 0), scaled)
    return replace(samples, weights=found[:, None])


def _objects(masks: np.ndarray) -> np.ndarray:
    """int (Y, X): the objects of all labels (C, Y, X); those of two labels are two."""
    numbered = np.zeros(masks.shape[1:], int)
    for mask in masks:
        objects = objects_of(mask)
        numbered = np.where(mask, objects + numbered.max(), numbered)
    return numbered


def in_balance(masks: Tensor, valid: Tensor, generator: torch.Generator) -> Tensor:
    """Of each image as many pixels of each label, and of none, as there are of the rarest that is there.

    Which ones is drawn at random; of the rarest it is all (Cireşan 2012, section 2: all membrane pixels and
    as many others). An image with a single class keeps all of its pixels. masks : (N, C, Y, X), 0 or 1. valid
    : (N, 1, Y, X), 0 where a pixel must not count. Returns (N, 1, Y, X), 0 or 1.
    """
    classes = torch.cat([masks, 1 - masks.amax(dim=1, keepdim=True)], dim=1) * valid
    chosen = torch.zeros_like(valid)
    for image, kept in zip(classes.flatten(2), chosen.flatten(2), strict=True):
        places = [torch.nonzero(one).flatten() for one in image]
        least = min((len(at) for at in places if len(at)), default=0)
        for at in places:
            kept[0, at[torch.randperm(len(at), generator=generator)[:least].to(at.device)]] = 1
    return chosen
