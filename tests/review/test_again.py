"""Some decided cases once more, with nothing that anybody decided; and what both times have in common."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from project_fakes import SHAPE, lungs

from napari_unet.core.errors import UserError
from napari_unet.core.second_reading import FindingCall
from napari_unet.core.steps import run
from napari_unet.review.add import add_found, gather
from napari_unet.review.again import again_steps, repeated, sentence
from napari_unet.review.scan import scan_steps
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, Reason, Status

MODEL = Author(AuthorKind.MODEL, "cxr-lung", "1")


@pytest.fixture
def project(tmp_path: Path) -> ReviewProject:
    """Ten cases, the last of which is not decided: nine by Ann, two of them rejected, each with a note."""
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    for n in range(10):
        Image.fromarray(rng.integers(0, 255, SHAPE, np.uint8)).save(tmp_path / "images" / f"{n}.png")
    made = ReviewProject.create(tmp_path / "project", "heart left out")
    ids = [id for id, _ in add_found(made, gather([tmp_path / "images"]), "Ann")]
    run(scan_steps(made, by="Ann"))
    for n, id in enumerate(ids[:9]):
        made.add_revision(id, lungs(), MODEL)
        made.first_call(id, "Ann", {"nodule": FindingCall(5 if n % 2 else 1)})
        if n < 2:
            made.decide(id, Status.REJECTED, "Ann", reason=Reason.ROTATED)
        else:
            made.add_revision(id, larger(n), Author(AuthorKind.PERSON, "Ann"), parent=made.case(id).revision)
            made.decide(id, Status.CORRECTED, "Ann")
        made.set_note(id, "secret note", "Ann")
        made.put_scores(id, {"nodule": 0.8371}, "finder", "1", "findings")
    return made


def larger(rows: int) -> np.ndarray:
    """The lungs of `project_fakes`, with some rows more."""
    mask = lungs().copy()
    grown = np.roll(mask, rows, axis=0)
    return np.where(mask == 0, grown, mask).astype(mask.dtype)


def make(project: ReviewProject, folder: Path, share: float = 1.0, seed: int = 0) -> ReviewProject:
    run(again_steps(project, folder, "Ann", share, seed))
    return ReviewProject.open(folder)


def test_cases_come_back_with_their_first_mask_and_nothing_else(project, tmp_path) -> None:
    before = [dataclasses.asdict(case) for case in project.cases()], project.events()
    again = make(project, tmp_path / "again")
    assert len(again.cases()) == 9 and again.protocol == "heart left out"
    for case in again.cases():
        assert (case.status, case.reviewer, case.note, case.measurements) == (Status.NEW, "", "", ())
        (only,) = again.revisions(case.id)
        assert only.author == MODEL and np.array_equal(again.read_mask(only.id), lungs())
        assert again.calls(case.id) == []
    told = json.dumps([dataclasses.asdict(event) for event in again.events()], default=str)
    assert "secret" not in told and "0.8371" not in told and "decided" not in told and "corrected" not in told
    assert ([dataclasses.asdict(case) for case in project.cases()], project.events()) == before


def test_the_share_is_drawn_at_random_and_in_random_order(project, tmp_path) -> None:
    def numbers(seed: int) -> list[str]:
        with make(project, tmp_path / f"again {seed}", 0.4, seed) as made:
            return [source.first.name for source in (made.source(case.id) for case in made.cases())]

    one, other = numbers(0), numbers(1)
    assert len(one) == len(other) == 4 and one != other and one != sorted(one)
    assert "9.png" not in one + other  # is not decided


def test_at_least_one_case_comes_back(project, tmp_path) -> None:
    assert len(make(project, tmp_path / "again", 0.01).cases()) == 1


def test_without_a_decision_there_is_nothing_to_bring_back(tmp_path) -> None:
    empty = ReviewProject.create(tmp_path / "project")
    with pytest.raises(UserError, match="No case of the project is decided yet"):
        run(again_steps(empty, tmp_path / "again", "Ann"))
    assert not (tmp_path / "again").exists()


def test_a_folder_with_something_in_it_is_left_alone(project, tmp_path) -> None:
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "mine.txt").write_text("mine")
    with pytest.raises(UserError):
        run(again_steps(project, tmp_path / "again", "Ann"))
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["mine.txt"]


def decide_all(project: ReviewProject, again: ReviewProject, reader: str, more: int) -> None:
    """As before, but masks with `more` rows, and the first of the rejected cases is kept."""
    first = {case.content_hash: case for case in project.cases()}
    for case in again.cases():
        before = first[case.content_hash]
        again.first_call(case.id, reader, project.reader_call(before.id, "Ann"))
        if before.number == 2:
            again.decide(case.id, Status.REJECTED, reader, reason=Reason.ROTATED)
            continue
        mask = larger(before.number - 1 + more)
        again.add_revision(case.id, mask, Author(AuthorKind.PERSON, reader), parent=case.revision)
        again.decide(case.id, Status.CORRECTED, reader)


def test_the_same_masks_agree_wholly(project, tmp_path) -> None:
    again = make(project, tmp_path / "again")
    decide_all(project, again, "Ann", 0)
    (found,) = repeated(project, again)
    assert (found.readers, found.n, found.masks) == (("Ann", "Ann"), 9, 7)
    assert found.dice == (1.0, 1.0) and (found.bias, found.low, found.high) == (0, 0, 0)
    assert found.kept.n == 9 and found.kept.positive == pytest.approx(14 / 15)
    assert (found.findings["nodule"].n, found.findings["nodule"].kappa) == (9, 1.0)
    assert "Ann and Ann again: 9 cases decided twice" in sentence(found)


def test_larger_masks_are_said_to_be_larger(project, tmp_path) -> None:
    again = make(project, tmp_path / "again")
    decide_all(project, again, "Bob", 2)
    (found,) = repeated(project, again)
    areas = [
        (np.count_nonzero(larger(number)), np.count_nonzero(larger(number + 2))) for number in range(2, 9)
    ]
    by_hand = [200 * (b - a) / (a + b) for a, b in areas]
    assert (
        found.readers == ("Ann", "Bob") and found.bias == pytest.approx(np.mean(by_hand)) and found.bias > 0
    )
    assert found.high - found.bias == pytest.approx(1.96 * np.std(by_hand, ddof=1))
    assert found.dice[1] <= found.dice[0] < 1
    assert "Ann, then Bob" in sentence(found) and "+" in sentence(found)


def test_projects_without_common_decisions_are_refused(project, tmp_path) -> None:
    again = make(project, tmp_path / "again")
    with pytest.raises(UserError, match="No case is decided in both projects"):
        repeated(project, again)
