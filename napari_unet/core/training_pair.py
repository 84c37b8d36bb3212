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
    """One image and its mask, from a review project, from open layers, or from a recipe's folder.

    Parameters
    ----------
    id : str
        Id of the case, or a name for the layers. Unique within a training, and never a patient's name.
    image : Source, Path or Raster
        Where the image is, or the image itself.
    mask : Path or ndarray, optional
        A mask file, or labels of the image's shape: 0, the values of the labels, and 255 where pixels are
        ignored. A case without a mask (None) can test scores but is not used for training.
    patient : str
        Salted hash. "" if unknown; the case then counts as a separate patient.
    content_hash, revision : str
        SHA-256 of the image's content (`Source.content_hash`) and of the mask file. "" for layers.
    slices : tuple of int, optional
        For a stack: the slices that count. None for all.
    label_set : LabelSet, optional
        What the numbers in the mask mean. None if nobody has said so.
    split : str
        Split of a recipe's pair, else "". Only such a pair may be named by its files: its id is the image's
        name, and its patient is the one in the recipe's data.
    findings : mapping of str to bool
        For each finding, by its name in lower case, whether the case has it. Findings that nobody has looked
        for are absent.
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
        """Where the image is.

        Raises
        ------
        ValueError
            If the image is a Raster.
        """
        if isinstance(self.image, Raster):
            raise ValueError("the image is in memory")
        return Source.of(self.image)

    @property
    def group(self) -> str:
        """What must stay together on one side of training and held-out cases: the patient, else the case."""
        return self.patient or self.id
