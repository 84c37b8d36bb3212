"""What a parent's images can teach a new answer by another protocol: where the two protocols agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from napari_unet.core.chest_zones import chest_zones
from napari_unet.core.masks import clean, threshold_mask
from napari_unet.core.metrics import dice
from napari_unet.core.undisputed import agreed_pixels, agreed_zones
from napari_unet.core.volume_labels import any_label
from napari_unet.models.card import ModelCard
from napari_unet.models.replay_set import ReplaySet
from napari_unet.training.learner import answer_of
from napari_unet.training.protocol_question import ALIKE
from napari_unet.training.samples import Samples, from_replay_set

Masks = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Of a case what the parent draws, the mask that is taught, and what does not count; each bool (Y, X)."""


@torch.inference_mode()
def drawn_beside(parent: nn.Module, card: ModelCard, cases: Samples) -> list[Masks]:
    """The masks of the parent's last answer beside those of the cases, at the network's size.

    Without cases that say nothing about protocols: there the model failed. [] for what has no zones of a
    chest: other organs, slices of volumes.
    """
    output, found = card.output, []
    if not output.labels.of_lungs or card.input.axes != 2:
        return []
    own = card.channels_of(output)
    for image, taught, valid in zip(cases.images, cases.foreground, cases.valid, strict=True):
        logits = answer_of(parent, torch.from_numpy(image)[None], own)[0]
        probability = any_label(torch.sigmoid(logits).numpy())
        drawn = clean(threshold_mask(probability, output.threshold), output.mask_rule)
        ignore = valid[0] == 0
        if dice(drawn, taught, ignore) >= ALIKE:
            found.append((drawn, taught, ignore))
    return found


def undisputed(images: ReplaySet, card: ModelCard, cases: Sequence[Masks]) -> Samples | None:
    """The parent's images, with the pixels alone that both protocols give the same label.

    Which zones these are is measured on `cases` (`core.undisputed`); in all others, and without a chest, the
    loss is ignored. None if nothing is left.

    images : whose masks follow the parent's last answer. card : of the parent.
    """
    zones = agreed_zones(cases)
    samples = from_replay_set(images, card)
    valid = np.zeros_like(samples.valid)
    for k, mask in enumerate(samples.foreground):
        chest = chest_zones(mask) if zones else None
        if chest is not None:
            valid[k, 0] = samples.valid[k, 0] * agreed_pixels(chest, zones)
    useful = [k for k, one in enumerate(valid) if one.any()]
    return replace(samples, valid=valid).subset(useful) if useful else None
