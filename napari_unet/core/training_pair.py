"""TrainingPair: an image with a mask that somebody stands for, as the training gets it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_unet.core.raster import Raster
from napari_unet.core.source import Source

FEW = 4
"""Cases below which a training teaches little, and its test says little."""


@dataclass(frozen=True)
class TrainingPair:
    """One image and its mask, from a review project or from layers that are open.

    id : of the case, or a name of the layers; unique in a training, and no patient's name. image : where it
    lies, or a Raster. mask : a file, or labels of the image's shape: 0, the lungs' labels, IGNORE (255) where
    nobody could say. patient : salted hash; "" if unknown, then the case counts as a patient of its own.
    content_hash : of the image (core.source), revision : SHA-256 of the mask file; "" for layers.
    slices : of a stack, those that count; None for all.
    """

    id: str
    image: Source | Path | Raster
    mask: Path | np.ndarray
    patient: str = ""
    content_hash: str = ""
    revision: str = ""
    slices: tuple[int, ...] | None = None

    @property
    def group(self) -> str:
        """What must not be divided between training and held-out cases."""
        return self.patient or self.id
