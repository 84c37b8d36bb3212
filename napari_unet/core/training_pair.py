"""TrainingPair: an image with a mask that somebody stands for, as the training gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_unet.core.label_set import LabelSet
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source

FEW = 4
"""Cases below which a training teaches little, and its test says little."""


@dataclass(frozen=True)
class TrainingPair:
    """One image and its mask, from a review project, from layers that are open, or from a recipe's folder.

    id : of the case, or a name of the layers; unique in a training, and no patient's name. image : where it
    lies, or a Raster. mask : a file, or labels of the image's shape: 0, the labels' values, IGNORE (255)
    where nobody could say. patient : salted hash; "" if unknown, then the case counts as a patient of its
    own. content_hash : of the image (core.source), revision : SHA-256 of the mask file; "" for layers.
    slices : of a stack, those that count; None for all. label_set : what the numbers in the mask mean, None
    where nobody has said so. split : of a recipe's pair, else "". Only such a pair may be named by its files:
    its id is the image's, its patient the one in the recipe's data. findings : by their names in small
    letters, whether the case has them; those that nobody has looked for are not there. Without a mask (None)
    a case can test scores and teaches nothing.
    """

    id: str
    image: Source | Path | Raster
    mask: Path | np.ndarray | None
    patient: str = ""
    content_hash: str = ""
    revision: str = ""
    slices: tuple[int, ...] | None = None
    label_set: LabelSet | None = None
    split: str = ""
    findings: Mapping[str, bool] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        """Where the image lies. Raises ValueError if it is a Raster."""
        if isinstance(self.image, Raster):
            raise ValueError("the image is in memory")
        return Source.of(self.image)

    @property
    def group(self) -> str:
        """What must not be divided between training and held-out cases."""
        return self.patient or self.id
