"""Small projects and masks for the tests of the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_unet.core.prediction import Prediction
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, FileFacts, FileState, NewCase

MODEL = Author(AuthorKind.MODEL, "cxr-lung", "1.0")
ANN = Author(AuthorKind.PERSON, "Ann")
SHAPE = (40, 30)


def lungs(grow: int = 0) -> np.ndarray:
    """Two boxes: the right lung 1, the left lung 2."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[5 : 30 + grow, 3:12] = 1
    labels[5:30, 18:27] = 2
    return labels


def project_with(
    folder: Path,
    count: int = 1,
    spacing: tuple[float, ...] | None = (2.0, 2.0),
    shape: tuple[int, ...] = SHAPE,
):
    """(project, case ids): `count` images of one size that have been read; they need not exist."""
    project = ReviewProject.create(folder / "project", "heart left out")
    ids = [case for case, _ in project.add([NewCase(f"/images/{n}.png") for n in range(count)], "Ann")]
    facts = FileFacts(FileState.PRESENT, "c" * 64, shape=shape, spacing_mm=spacing)
    project.put_facts(dict.fromkeys(ids, facts), "")
    return project, ids


def map_of(
    probability: np.ndarray, uncertainty: np.ndarray | None = None, version: str = "1.0"
) -> Prediction:
    """What is kept of a prediction by the model "cxr-lung"."""
    return Prediction(probability[None], entropy=uncertainty, model="cxr-lung", version=version)


def result_of(steps):
    """What a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
