"""A reviewed project for tests of export and report: X-rays, a volume, every status."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import nibabel
import numpy as np
from PIL import Image

from napari_unet.review.scan import scan_steps
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, NewCase, Reason, Status

T = TypeVar("T")
SECRET = "Mueller_Anna"
"""Stands in the names of source files and must not be found in anything that leaves the project."""

AFFINE = np.array([[-1.5, 0, 0, 90], [0, -1.5, 0, 80.0], [0, 0, 4, -30], [0, 0, 0, 1]])
READER = "Dr. Reader"


def finished(steps: Generator[object, None, T]) -> T:
    """Runs a generator to its end and gives what it returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def lungs(shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    """uint8: two blocks, labelled 1."""
    mask = np.zeros(shape, np.uint8)
    mask[10:50, 8:30] = 1
    mask[10:50, 50:72] = 1
    return mask


class Room:
    """One project with a case of every kind; `ids` by name."""

    def __init__(self, folder: Path) -> None:
        self.sources = folder / "hospital" / SECRET
        self.sources.mkdir(parents=True)
        self.out = folder / "out"
        self.project = ReviewProject.create(folder / "project", "visible lung fields, heart left out")
        self.ids: dict[str, str] = {}

    def image(self, name: str, patient: str = "", pixels: np.ndarray | None = None, split: str = "") -> str:
        """Adds a PNG (or, for three axes, a NIfTI volume) and reads it."""
        grain = np.random.default_rng(len(self.ids)).integers(20, 200, (60, 80)).astype(np.uint8)
        pixels = grain if pixels is None else pixels
        if pixels.ndim == 2:
            path = self.sources / f"{SECRET}_{name}.png"
            Image.fromarray(pixels).save(path)
        else:
            path = self.sources / f"{SECRET}_{name}.nii.gz"
            volume = nibabel.Nifti1Image(pixels.transpose(), AFFINE)
            volume.header.set_xyzt_units("mm")
            nibabel.save(volume, path)
        ((case, _),) = self.project.add([NewCase(str(path), patient, split=split)], READER)
        finished(scan_steps(self.project, [case]))
        self.ids[name] = case
        return case

    def mask(self, name: str, labels: np.ndarray, kind: AuthorKind = AuthorKind.MODEL) -> None:
        """Gives a case a mask."""
        author = Author(kind, READER if kind == AuthorKind.PERSON else "cxr-lung", "1.0")
        self.project.add_revision(self.ids[name], labels, author)

    def decide(
        self, name: str, status: Status = Status.ACCEPTED, reason: Reason | None = None, seconds: float = 30
    ) -> None:
        """Opens, decides and leaves a case."""
        case = self.ids[name]
        self.project.begin(case, READER)
        self.project.decide(case, status, READER, reason, empty_ok=True)
        self.project.leave(case, READER, seconds)


def reviewed(folder: Path) -> Room:
    """plain, volume (a CT): accepted. fixed: corrected, some pixels ignored. bad: rejected. new: open."""
    room = Room(folder)
    room.image("plain", SECRET)
    room.mask("plain", lungs())
    room.decide("plain", seconds=20)
    room.image("fixed", "Other Person")
    room.mask("fixed", lungs())
    better = lungs()
    better[50:55, 8:30] = 1
    better[10:14, 8:12] = 255
    room.mask("fixed", better, AuthorKind.PERSON)
    room.decide("fixed", seconds=90)
    ct = np.full((5, 60, 80), -900, np.int16)
    ct[:, 20:40] = 40
    room.image("volume", "", ct)
    labels = np.stack([lungs()] * 5)
    labels[0] = 0
    room.mask("volume", labels, AuthorKind.FILE)
    room.decide("volume")
    room.image("bad", SECRET)
    room.decide("bad", Status.REJECTED, Reason.ROTATED, seconds=5)
    room.image("new")
    return room
