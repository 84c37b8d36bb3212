"""A right lung alone that reaches over the middle of a CT stays the right one in all that a project says.

Its label says so, as the model tells right from left; no geometry asks again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from export_rooms import READER, Room, finished
from project_fakes import MODEL

from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT
from napari_unet.core.prediction import Prediction
from napari_unet.review.again import again_steps
from napari_unet.review.check_results import store_first_mask, store_next_mask
from napari_unet.review.exporting.export import ExportOptions, Format, export_steps
from napari_unet.review.reporting.report import report_steps
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, Status

ANN = Author(AuthorKind.PERSON, READER)


def right_lung() -> np.ndarray:
    """uint8 (6, 60, 80), X to the patient's left: most of it lies on the left of the middle."""
    mask = np.zeros((6, 60, 80), np.uint8)
    mask[1:5, 10:50, 30:66] = 1
    return mask


def found() -> Prediction:
    likely = np.stack([right_lung() == 1, np.zeros(right_lung().shape, bool)]).astype(np.float32)
    made = Prediction(likely, model="ct-lung", version="2", label_set=RIGHT_AND_LEFT, drawn=right_lung())
    return made.kept()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    made.image("ct", pixels=np.full((6, 60, 80), 40, np.int16))
    store_first_mask(made.project, made.ids["ct"], found(), READER)
    yield made
    made.project.close()


def test_the_mask_of_a_model_that_tells_sides_is_not_divided_by_place(room: Room) -> None:
    project, case = room.project, room.ids["ct"]
    (mask,) = project.revisions(case)
    assert project.labels == LUNGS and mask.sides and project.label_set_of(mask.id) == RIGHT_AND_LEFT
    assert project.label_set_of(None) == LUNGS
    painted = right_lung()
    painted[2, 40:50, 20:30] = 1
    corrected = project.add_revision(case, painted, ANN)
    assert corrected.sides, "a person went on with it"
    assert project.restore(mask.id, READER).sides
    by_file = project.add_revision(case, painted, Author(AuthorKind.FILE, READER))
    assert not by_file.sides, "nothing says what a file means by 1"


def test_another_model_decides_anew(room: Room) -> None:
    project, case = room.project, room.ids["ct"]
    likely = (right_lung() == 1)[None].astype(np.float32)
    both = Prediction(likely, model="plain", version="1", drawn=right_lung()).kept()
    assert store_next_mask(project, case, both, READER)
    revision = project.case(case).revision
    assert revision is not None and not project.revision(revision).sides
    assert store_next_mask(project, case, found(), READER)
    revision = project.case(case).revision
    assert revision is not None and project.revision(revision).sides


def test_the_report_counts_it_as_the_right_one(room: Room) -> None:
    finished(report_steps(room.project, room.out, READER))
    with (room.out / "report.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["right_ml"]) == float(row["volume_ml"]) > 0 == float(row["left_ml"])
    assert int(row["left_px"]) == 0


def test_an_export_with_sides_and_the_training_keep_it(room: Room) -> None:
    room.project.decide(room.ids["ct"], Status.ACCEPTED, READER)
    finished(export_steps(room.project, room.out, [Format.NIFTI], ExportOptions(left_right=True)))
    (file,) = (room.out / "nifti" / "masks").glob("*.nii.gz")
    assert np.array_equal(np.asarray(nibabel.load(file).dataobj).T, right_lung())
    (pair,) = room.project.training_pairs()
    assert pair.label_set == RIGHT_AND_LEFT


def test_reading_the_cases_again_keeps_it(room: Room, tmp_path: Path) -> None:
    room.project.decide(room.ids["ct"], Status.ACCEPTED, READER)
    finished(again_steps(room.project, tmp_path / "again", READER, share=1.0))
    with ReviewProject.open(tmp_path / "again") as again:
        (case,) = again.cases()
        (mask,) = again.revisions(case.id)
        assert mask.sides and mask.author.name == "ct-lung" != MODEL.name
