"""What a project gives to a training."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from net_fakes import card
from PIL import Image
from project_fakes import ANN, MODEL, SHAPE, lungs, project_with

from napari_unet.core.input_rule import InputRule
from napari_unet.review.scan import read_facts
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import NewCase, Reason, Status
from napari_unet.training.samples import labelled

LARGE = lungs().repeat(2, axis=0).repeat(2, axis=1)


def test_accepted_and_corrected_masks_only(tmp_path: Path) -> None:
    project, ids = project_with(tmp_path, 6)
    with project:
        for case in ids[:5]:
            project.add_revision(case, lungs(), MODEL)
        corrected = project.add_revision(ids[1], lungs(3), ANN)
        for case in ids[:2]:
            project.decide(case, Status.ACCEPTED, "Ann")
        project.decide(ids[2], Status.REJECTED, "Ann", Reason.ROTATED)
        project.decide(ids[3], Status.SECOND_LOOK, "Ann")
        pairs = project.training_pairs()
        assert [pair.id for pair in pairs] == ids[:2]
        assert pairs[1].revision == corrected.sha256 and pairs[1].mask == project.folder / corrected.file
        assert hashlib.sha256(pairs[1].mask.read_bytes()).hexdigest() == corrected.sha256
        assert pairs[0].image == project.source(ids[0]) and pairs[0].content_hash == "c" * 64
        assert pairs[0].patient == "" and pairs[0].group == ids[0] and pairs[0].slices is None
        project.take_back("Ann")
        project.take_back("Ann")
        project.take_back("Ann")
        assert [pair.id for pair in project.training_pairs()] == ids[:1]


def test_untouched_cases_come_without_masks(tmp_path: Path) -> None:
    project, ids = project_with(tmp_path, 4)
    with project:
        for case in ids[:3]:
            project.add_revision(case, lungs(), MODEL)
        project.add_revision(ids[1], lungs(3), ANN)
        project.decide(ids[2], Status.ACCEPTED, "Ann")
        (pair,) = project.untouched_pairs()
        assert (pair.id, pair.mask, pair.image) == (ids[0], None, project.source(ids[0]))
        assert pair.content_hash == "c" * 64 and pair.patient == ""


@pytest.fixture
def project(tmp_path: Path) -> ReviewProject:
    """Two read and accepted images of one patient."""
    made = ReviewProject.create(tmp_path / "project")
    grey = np.random.default_rng(0).integers(0, 255, LARGE.shape).astype(np.uint8)
    for name in ("Kim 1.png", "Kim 2.png"):
        Image.fromarray(grey).save(tmp_path / name)
        ((case, _),) = made.add([NewCase(str(tmp_path / name), patient="Kim")], "Ann")
        made.put_facts({case: read_facts(tmp_path / name)}, "")
        made.add_revision(case, LARGE, MODEL)
        made.decide(case, Status.ACCEPTED, "Ann")
    yield made
    made.close()


def test_patients_are_hashed(project: ReviewProject) -> None:
    one, two = project.training_pairs()
    assert one.patient == two.patient == one.group and len(one.patient) == 16
    assert "Kim" not in one.patient + one.id


def test_a_model_can_read_what_a_project_gives(project: ReviewProject) -> None:
    cases = labelled(project.training_pairs(), card(input=InputRule(size=SHAPE)), oversize=False)
    assert cases.origins == (0, 1)
    np.testing.assert_array_equal(cases.masks[0, 0] > 0, lungs() > 0)


def test_images_that_are_gone_or_changed_are_left_out(project: ReviewProject, tmp_path: Path) -> None:
    (tmp_path / "Kim 1.png").unlink()
    Image.fromarray(np.eye(*LARGE.shape, dtype=np.uint8)).save(tmp_path / "Kim 2.png")
    assert len(project.training_pairs()) == 2  # nobody has looked yet
    project.put_facts({case.id: read_facts(project.source(case.id)) for case in project.cases()}, "")
    assert project.training_pairs() == []
