"""What the numbers in a project's masks mean: kept in the project, and asked before masks come in."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from project_fakes import ANN, MODEL, SHAPE, lungs, project_with

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT, named_set
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import FileFacts, FileState, NewCase, Status

HEART = named_set(("right lung", "left lung", "heart"))
FROZEN = Path(__file__).parents[1] / "data" / "frozen" / "project"


def of_hearts(folder: Path) -> tuple[ReviewProject, str]:
    project = ReviewProject.create(folder / "hearts", "all three", HEART)
    case = project.add([NewCase("/images/0.png")], "Ann")[0][0]
    project.put_facts({case: FileFacts(FileState.PRESENT, "c" * 64, shape=SHAPE)}, "")
    return project, case


def with_heart() -> np.ndarray:
    labels = lungs()
    labels[20:30, 13:17] = 3
    return labels


def test_a_project_keeps_its_labels(tmp_path):
    of_hearts(tmp_path)[0].close()
    with ReviewProject.open(tmp_path / "hearts") as project:
        assert project.labels == HEART
    with ReviewProject.create(tmp_path / "plain") as project:
        assert project.labels == LUNGS


def test_masks_in_projects_of_before_are_of_lungs(tmp_path):
    folder = shutil.copytree(FROZEN, tmp_path / "project")
    with sqlite3.connect(folder / "review.db") as database:
        assert "labels" not in [row[1] for row in database.execute("PRAGMA table_info(project)")]
    with ReviewProject.open(folder) as project:
        assert project.labels == LUNGS
        for case in project.cases():
            for revision in project.revisions(case.id):
                assert project.labels.strays(project.read_mask(revision.id)) == ()


def test_the_checks_are_those_of_the_projects_labels(tmp_path):
    project, case = of_hearts(tmp_path)
    with project:
        project.add_revision(case, with_heart(), ANN)
        assert project.case(case).checks == ()
        project.add_revision(case, np.where(with_heart() == 1, 0, with_heart()).astype(np.uint8), ANN)
        assert project.case(case).checks == ()  # of lungs one would be missing
        project.add_revision(case, with_heart() * 2, ANN)
        assert project.case(case).checks == ("labels",)
        project.add_revision(case, with_heart() * 0, ANN)
        assert project.case(case).checks == ("empty",)
    project, (case,) = project_with(tmp_path)
    with project:
        project.add_revision(case, with_heart(), ANN)
        assert "labels" in project.case(case).checks


def test_a_mask_without_any_label_is_accepted_when_that_is_confirmed(tmp_path):
    project, case = of_hearts(tmp_path)
    with project:
        with pytest.raises(UserError, match="nothing in its mask"):
            project.decide(case, Status.ACCEPTED, "Ann")
        assert project.decide(case, Status.ACCEPTED, "Ann", empty_ok=True).checks == ("empty",)


def test_a_label_that_went_over_into_another_one_is_a_change_of_the_mask(tmp_path):
    project, case = of_hearts(tmp_path)
    with project:
        project.add_revision(case, with_heart(), MODEL)
        swapped = project.add_revision(case, np.array([0, 2, 1, 3], np.uint8)[with_heart()], ANN)
        assert swapped.dice == pytest.approx(1 / 3)
    project, (case,) = project_with(tmp_path)
    with project:
        project.add_revision(case, lungs(), MODEL)
        assert project.add_revision(case, np.array([0, 2, 1], np.uint8)[lungs()], ANN).dice == 1.0


def test_a_project_without_a_mask_takes_the_labels_of_the_first_ones(tmp_path):
    project, (case,) = project_with(tmp_path)
    with project, ReviewProject.open(project.folder) as other:
        assert not project.admit(RIGHT_AND_LEFT, "Ann") and project.labels == LUNGS
        assert project.admit(HEART, "Ann") and project.labels == HEART
        assert [event.kind for event in project.events()].count("labels") == 1
        assert not project.admit(HEART, "Ann")
        other.add_revision(case, with_heart(), MODEL)  # a window that was open before
        assert other.labels == HEART and other.case(case).checks == ()


def test_masks_with_other_labels_are_refused_in_words(tmp_path):
    project, (case,) = project_with(tmp_path)
    with project:
        project.add_revision(case, lungs(), MODEL)
        with pytest.raises(UserError, match=r"hold 1 lung; these would hold 1 right lung, .* 3 heart"):
            project.admit(HEART, "Ann")
        assert project.labels == LUNGS
    project, case = of_hearts(tmp_path)
    with project:
        assert not project.admit(RIGHT_AND_LEFT, "Ann")  # the heart is painted by hand
        with pytest.raises(UserError, match="another project"):  # somebody has chosen them
            project.admit(LUNGS, "Ann")
        assert project.labels == HEART
