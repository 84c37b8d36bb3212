"""After a fine-tune: the new model's masks for cases that nobody has touched, and for no others."""

from __future__ import annotations

import numpy as np
import pytest
from project_fakes import ANN, MODEL, lungs, project_with, result_of

from napari_unet.core.prediction import Prediction
from napari_unet.review.check_results import store_first_mask, store_next_mask
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, FileFacts, FileState, Reason, Status
from napari_unet.review.verify import ProblemKind

CHILD = Author(AuthorKind.MODEL, "cxr-lung-2026", "2")
FILE = Author(AuthorKind.FILE, "masks")
NOTHING = np.zeros((0, 8, 6), np.uint8)


def looked(labels: np.ndarray, author: Author = CHILD, feature: int = 0) -> Prediction:
    features = np.zeros(4, np.float32)
    features[feature] = 1
    maps = np.full((8, 6), 100 + feature, np.uint8)
    return Prediction(
        maps[None],
        entropy=maps,
        shape=labels.shape,
        model=author.name,
        version=author.version,
        drawn=(labels > 0).astype(np.uint8),
        boundary_uncertainty=0.25,
        checks=("holes",),
        features=features,
    )


def everything(project: ReviewProject, case: str) -> tuple:
    """All that a case is, with the bytes of its masks and map."""
    files = [*(project.folder / "masks" / case).iterdir(), project.folder / "maps" / f"{case}.npz"]
    return (
        project.case(case),
        project.revisions(case),
        sorted((path.name, path.read_bytes()) for path in files if path.exists()),
    )


@pytest.fixture
def touched(tmp_path):
    """(project, a case that nobody has touched, those that somebody has, in different ways)."""
    project, (new, *others) = project_with(tmp_path, 8)
    for case in (new, *others[:-1]):
        store_first_mask(project, case, looked(lungs(), MODEL), "Ann")
    opened, painted, accepted, rejected, second, restored, from_file = others
    project.begin(opened, "Ann")
    project.leave(opened, "Ann", 5)
    project.add_revision(painted, lungs(2), ANN)  # not opened, as by a script
    project.decide(accepted, Status.ACCEPTED, "Ann")
    project.decide(rejected, Status.REJECTED, "Ann", Reason.ROTATED)
    project.decide(second, Status.SECOND_LOOK, "Ann")
    project.restore(project.revisions(restored)[0].id, "Ann")
    project.add_revision(restored, lungs(3), ANN)
    project.restore(project.revisions(restored)[0].id, "Ann")
    project.add_revision(from_file, lungs(), FILE)
    return project, new, others


def test_only_what_nobody_touched_is_untouched(touched):
    project, new, _others = touched
    assert project.untouched() == [new]


def test_others_stay_byte_for_byte_and_the_untouched_get_a_new_mask(touched):
    project, new, others = touched
    (old,) = project.revisions(new)
    before = {case: everything(project, case) for case in others}
    for case in (new, *others):
        assert store_next_mask(project, case, looked(lungs(2), CHILD, 1), "Ann") == (case == new)
    assert {case: everything(project, case) for case in others} == before
    first, second = project.revisions(new)
    assert first == old and (second.author, second.parent) == (CHILD, old.id)
    assert project.case(new).revision == second.id and project.case(new).status == Status.NEW
    assert np.array_equal(project.read_mask(second.id), lungs(2) > 0)
    assert np.array_equal(project.read_mask(old.id), lungs() > 0)
    assert second.changed_pixels == 2 * 9
    assert project.map(new).model == CHILD.name
    problems = {problem.kind for problem in result_of(project.verify())}
    assert problems == {ProblemKind.SOURCE_MISSING}  # there never were any


def test_features_of_touched_cases_follow_the_model(touched):
    project, new, others = touched
    for case in (new, *others):
        store_next_mask(project, case, looked(lungs(), CHILD, 2), "Ann")
    found = project.features()
    assert set(found) == {new, *others}
    assert {(one.model, one.version) for one in found.values()} == {(CHILD.name, CHILD.version)}
    assert np.array_equal(found[new].numbers, np.float32([0, 0, 1, 0]))


def test_a_case_that_is_open_elsewhere_is_left(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.add_revision(case, lungs(), MODEL)
    with ReviewProject.open(project.folder) as other:
        other.begin(case, "Bob")
        assert project.renew_mask(case, lungs(2), CHILD) is None
        assert project.untouched() == []
    assert len(project.revisions(case)) == 1


def test_a_case_that_is_opened_while_the_model_looks_is_left(tmp_path, monkeypatch):
    project, (case,) = project_with(tmp_path)
    project.add_revision(case, lungs(), MODEL)
    compare = ReviewProject._compare

    def meanwhile(self, *arguments):
        self.begin(case, "Ann")
        return compare(self, *arguments)

    monkeypatch.setattr(ReviewProject, "_compare", meanwhile)
    assert project.renew_mask(case, lungs(2), CHILD) is None
    assert len(project.revisions(case)) == 1
    assert not list((project.folder / "masks" / case).glob("2*"))


def test_twice_by_one_model_is_once_and_the_same_labels_are_a_mask_of_the_new_model(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.add_revision(case, lungs(), MODEL)
    second = project.renew_mask(case, lungs(), CHILD)
    assert second.author == CHILD and second.changed_pixels == 0
    assert project.renew_mask(case, lungs(2), CHILD) == second
    assert len(project.revisions(case)) == 2


def test_a_mask_of_another_size_is_no_new_mask(tmp_path):
    project, (case,) = project_with(tmp_path)
    assert project.renew_mask(case, lungs(), CHILD) is None  # there is no old one
    project.add_revision(case, lungs(), MODEL)
    assert project.renew_mask(case, lungs()[1:], CHILD) is None


def test_a_model_that_refuses_an_image_takes_no_mask_away(tmp_path):
    project, (case,) = project_with(tmp_path)
    store_first_mask(project, case, looked(lungs(), MODEL), "Ann")
    before = everything(project, case)
    refused = Prediction(
        NOTHING, model=CHILD.name, version=CHILD.version, image_checks=("unlike",), refused="No chest."
    )
    assert not store_next_mask(project, case, refused, "Ann")
    assert everything(project, case) == before


def test_features_go_with_the_image_they_are_of(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.put_features(case, np.float32([0.6, 0.8]), "m", "1")
    assert np.allclose(project.features()[case].numbers, [0.6, 0.8], atol=1e-3)
    changed = FileFacts(FileState.PRESENT, "d" * 64, shape=(40, 30))
    project.put_facts({case: changed}, "")
    project.resolve_change(case, True, "Ann")
    assert project.features() == {}


def test_people_began_with_the_newest_mask_before_their_own(tmp_path):
    """It is what before and after, and the report, compare with."""
    project, (painted, drawn) = project_with(tmp_path, 2)
    project.add_revision(painted, lungs(), MODEL)
    renewed = project.renew_mask(painted, lungs(2), CHILD)
    assert project.first_mask(painted) == renewed
    project.add_revision(painted, lungs(3), ANN)
    project.add_revision(painted, lungs(4), FILE)
    assert project.first_mask(painted) == renewed
    assert project.first_mask(drawn) is None
    project.add_revision(drawn, lungs(), ANN)
    late = project.add_revision(drawn, lungs(1), MODEL)
    project.add_revision(drawn, lungs(2), CHILD)
    assert project.first_mask(drawn) == late
