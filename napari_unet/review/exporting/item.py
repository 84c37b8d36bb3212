"""What is handed to a format, and what a format must do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_unet.core.label_set import LabelSet
from napari_unet.core.mask_history import MaskHistory
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.review.exporting.kinds import Format
from napari_unet.review.types import Status


class NotExported(Exception):
    """Why a case is skipped, in words that go after its id and name no file."""


@dataclass(frozen=True)
class Item:
    """One case on its way out.

    labels : uint8, of the shape of `raster`: 0 background, labels of the export's set, IGNORE.
    patient : salted hash or "". group : the patient, or where there is none the first case that it must
    not be parted from. name : what its files are called, "" for the case's id. revision : SHA-256 of the mask
    file in the project. source : the files of the image, whose names and headers do not leave the project but
    as a format says. history : how the mask came about.
    """

    case: str
    patient: str
    split: str
    status: Status
    revision: str
    raster: Raster
    labels: np.ndarray
    source: Source
    history: MaskHistory
    group: str = ""
    name: str = ""

    @property
    def file_name(self) -> str:
        """What its files are called, without the suffix."""
        return self.name or self.case


@dataclass(frozen=True)
class ExportResult:
    """What an export did.

    exported : ids of the cases that are in the folder. left_out : (case id, why). text : ids of exported
    images in which rows of letters were found. splits : patients' cases per split. notes : what the user
    should know, in words. together : what is known of the patients, and what was kept in one split.
    """

    folder: Path
    exported: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    text: tuple[str, ...]
    splits: dict[str, int]
    notes: tuple[str, ...]
    together: tuple[str, ...] = ()


class Writer(ABC):
    """Writes all cases of one export in one format. A new format is a subclass and a row in FORMATS."""

    format: Format

    def __init__(self, folder: Path, labels: LabelSet) -> None:
        """folder : of this format alone; it does not exist yet. labels : what the masks hold."""
        self.folder = folder
        self.labels = labels

    @abstractmethod
    def add(self, item: Item, images: bool) -> tuple[str, str]:
        """Writes one case. Returns the paths of its image ("" if none was written) and its mask.

        Both are relative to the folder of the export, with "/". Raises NotExported if the format cannot hold
        the case, UserError if the disk does not take it.
        """

    def finish(self) -> list[str]:
        """Writes what is about all cases. Returns notes for the user."""
        return []

    def place(self, *parts: str) -> Path:
        """A path in this format's folder; its parents are made."""
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def told(self, path: Path) -> str:
        """`path` relative to the folder of the export."""
        return path.relative_to(self.folder.parent).as_posix()
