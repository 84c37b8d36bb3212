"""LabelledSet: images with masks at the size a network trains with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.core.labels import IGNORE, lung
from napari_unet.models.memory import Memory


@dataclass(frozen=True)
class LabelledSet:
    """Images float32 (N, channels, Y, X) in 0..1, masks and `valid` float32 (N, 1, Y, X), 0 or 1.

    valid : 0 where nobody could say what is there (label IGNORE); such pixels count in no loss and no score.
    """

    images: np.ndarray
    masks: np.ndarray
    valid: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, chosen: Sequence[int]) -> LabelledSet:
        """Some of them, in that order."""
        index = np.asarray(chosen, dtype=np.intp)
        return LabelledSet(self.images[index], self.masks[index], self.valid[index])


def from_memory(memory: Memory) -> LabelledSet:
    """What a model remembers, as it trains with it."""
    images = memory.images[:, None].astype(np.float32) / 255
    masks, valid = lung(memory.labels[:, None]), memory.labels[:, None] != IGNORE
    return LabelledSet(images, masks.astype(np.float32), valid.astype(np.float32))
