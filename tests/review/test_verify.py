"""What `verify` finds, and that it finds nothing where nothing is wrong."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from PIL import Image
from project_fakes import ANN, MODEL, SHAPE, lungs, result_of

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import FileFacts, FileState, NewCase
from napari_unet.review.verify import ProblemKind


@pytest.fixture
def project(tmp_path):
    """Two images that are there, with two masks each."""
    images = [tmp_path / f"smith-{n}.png" for n in range(2)]
    for image in images:
        image.write_bytes(image.name.encode())
    project = ReviewProject.create(tmp_path / "project")
    added = project.add([NewCase(str(image)) for image in images], "Ann")
    for (case, _), image in zip(added, images, strict=True):
        digest = hashlib.sha256(image.read_bytes()).hexdigest()
        project.put_facts({case: FileFacts(FileState.PRESENT, digest, shape=SHAPE)}, "")
        project.add_revision(case, lungs(), MODEL)
        project.add_revision(case, lungs(2), ANN)
    return project


def test_nothing_is_wrong_with_a_good_project(project):
    steps = project.verify()
    ids = [case.id for case in project.cases()]
    assert [next(steps), next(steps)] == [CaseDone(ids[0], 1, 2), CaseDone(ids[1], 2, 2)]
    assert result_of(project.verify()) == []


def test_an_empty_project_is_good(tmp_path):
    assert result_of(ReviewProject.create(tmp_path / "p").verify()) == []


def _flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _spoil(project, what):
    case = project.cases()[0].id
    mask, image = project.folder / project.revisions(case)[0].file, project.source(case).first
    if what == ProblemKind.MASK_MISSING:
        mask.unlink()
    elif what == ProblemKind.MASK_DAMAGED:
        _flip(mask)
    elif what == ProblemKind.LEFT_OVER:
        mask.with_name("9.png").write_bytes(b"left")
    elif what == ProblemKind.SOURCE_MISSING:
        image.unlink()
    elif what == ProblemKind.SOURCE_CHANGED:
        _flip(image)
    elif what == ProblemKind.SOURCE_UNREADABLE:
        image.unlink()
        image.mkdir()
    else:
        column, value = ("status", "accepted") if what == ProblemKind.CALL else ("revision", "nothing")
        with closing(sqlite3.connect(project.folder / "review.db")) as database:
            database.execute(f"UPDATE cases SET {column} = '{value}' WHERE number = 1")
            database.commit()


@pytest.mark.parametrize("what", list(ProblemKind))
def test_each_thing_that_is_wrong_is_found_and_named_without_the_file(project, what):
    _spoil(project, what)
    case = project.cases()[0].id
    (problem,) = result_of(project.verify())
    assert problem.kind == what
    assert problem.case == ("" if what == ProblemKind.LEFT_OVER else case)
    assert problem.harmless == (what == ProblemKind.LEFT_OVER)
    assert "smith" not in problem.text and problem.text.endswith(".")


def test_an_image_that_never_could_be_read_is_told(project, tmp_path):
    (tmp_path / "smith-2.png").write_bytes(b"no picture")
    project.add([NewCase(str(tmp_path / "smith-2.png"))], "Ann")
    for _ in range(2):
        (problem,) = result_of(project.verify())
        assert (problem.kind, problem.text) == (
            ProblemKind.SOURCE_UNREADABLE,
            "The image of case 3 cannot be read.",
        )
        assert project.cases()[2].file_state == FileState.UNREADABLE


def test_the_project_knows_then_which_files_are_gone_and_which_are_back(project):
    case = project.cases()[0]
    image = project.source(case.id).first
    away = image.rename(image.with_name("away.png"))
    result_of(project.verify())
    assert [one.file_state for one in project.cases()] == [FileState.MISSING, FileState.PRESENT]
    image.mkdir()
    result_of(project.verify())
    assert project.case(case.id).file_state == FileState.UNREADABLE
    image.rmdir()
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(image)
    result_of(project.verify())
    assert project.case(case.id).file_state == FileState.CHANGED
    away.replace(image)
    events = len(project.events())
    result_of(project.verify())
    result_of(project.verify())
    assert len(project.events()) <= events + 2


def test_rows_that_point_nowhere_are_found(project):
    with closing(sqlite3.connect(project.folder / "review.db")) as database:
        database.execute("UPDATE revisions SET parent = 'nothing' WHERE number = 2")
        database.commit()
    kinds = [problem.kind for problem in result_of(project.verify())]
    assert kinds == [ProblemKind.DATABASE] * 2


def test_a_page_of_the_database_that_is_damaged_is_told(project):
    project.close()
    file = project.folder / "review.db"
    content = bytearray(file.read_bytes())
    for page in range(8, len(content) // 4096):
        content[page * 4096 : page * 4096 + 40] = b"\xff" * 40
    file.write_bytes(content)
    try:
        with ReviewProject.open(project.folder) as again:
            problems = result_of(again.verify())
        assert ProblemKind.DATABASE in {problem.kind for problem in problems}
    except UserError as error:
        assert "damaged" in str(error)
