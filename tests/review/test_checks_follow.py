"""Checks belong to the mask: each one that is stored is checked, also in projects of before."""

from __future__ import annotations

import numpy as np
import pytest
from project_fakes import ANN, MODEL, SHAPE, lungs, project_with, result_of

from napari_unet.core.checks import UNLIKE
from napari_unet.core.prediction import Prediction
from napari_unet.review.check_results import follow_masks, store_first_mask
from napari_unet.review.reporting.report import report_steps
from napari_unet.review.schema import cases as case_table
from napari_unet.review.schema import revisions as revision_table
from napari_unet.review.types import Status


@pytest.fixture
def made(tmp_path):
    project, ids = project_with(tmp_path, spacing=None)
    yield project, ids[0]
    project.close()


def with_hole():
    labels = lungs()
    labels[10:14, 5:9] = 0
    return labels


def test_every_mask_is_checked_and_the_input_check_is_kept(made):
    project, case = made
    project.put_check_results(case, (UNLIKE,), 0.3)
    project.add_revision(case, lungs(), MODEL)
    assert project.case(case).checks == (UNLIKE,)
    project.add_revision(case, with_hole(), ANN)
    assert project.case(case).checks == (UNLIKE, "holes")
    assert project.case(case).uncertainty == 0.3
    first = project.revisions(case)[0]
    project.restore(first.id, "Ann")
    assert project.case(case).checks == (UNLIKE,)


def test_air_is_looked_for_where_the_pixels_are_at_hand(tmp_path):
    shape = (8, 24, 40)
    mask = np.zeros(shape, np.uint8)
    mask[1:-1, 2:22, 4:16], mask[1:-1, 2:22, 24:36] = 1, 2
    hounsfield = np.where(mask > 0, -1000, 40).astype(np.int16)
    project, (case, *_) = project_with(tmp_path, spacing=(10.0, 5.0, 5.0), shape=shape)
    project.add_revision(case, mask, ANN, pixels=hounsfield)
    assert project.case(case).checks == ("air",)
    hounsfield[mask > 0] = -800
    mask[1] = 0
    project.add_revision(case, mask, ANN, pixels=hounsfield)
    assert project.case(case).checks == ()
    project.close()


def test_an_empty_mask_that_is_taken_back_takes_its_checks_along(made):
    project, case = made
    project.begin(case, "Ann")
    project.decide(case, Status.ACCEPTED, "Ann", empty_ok=True)
    assert project.case(case).checks == ("no-lung",)
    project.take_back("Ann")
    assert (project.case(case).revision, project.case(case).checks) == (None, None)


def test_a_model_that_looks_later_leaves_the_checks_of_a_persons_mask(made):
    project, case = made
    project.add_revision(case, with_hole(), ANN)
    byte = np.zeros((1, *SHAPE), np.uint8)
    later = Prediction(
        byte, model="m", version="1", drawn=lungs(), boundary_uncertainty=0.5, image_checks=(UNLIKE,)
    )
    store_first_mask(project, case, later, "Ann")
    assert project.case(case).checks == ("holes",)


def test_masks_of_a_version_that_did_not_check_them_are_checked(made, tmp_path):
    project, case = made
    project.add_revision(case, lungs(), MODEL)
    project.add_revision(case, with_hole(), ANN)
    with project._database.writing() as connection:  # as it was then: the first mask's
        connection.execute(revision_table.update().values(checks=None))
        connection.execute(case_table.update().values(checks=[]))
    assert project.case(case).checks == ()
    assert follow_masks(project) == [case]
    assert project.case(case).checks == ("holes",)
    assert follow_masks(project) == []
    with project._database.writing() as connection:
        connection.execute(revision_table.update().values(checks=None))
        connection.execute(case_table.update().values(checks=[]))
    result_of(report_steps(project, tmp_path / "report", "Ann"))
    assert ",holes," in (tmp_path / "report" / "report.csv").read_text()
