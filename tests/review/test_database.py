"""The database itself: what stays, what is portable, and every fault said in words with nothing half done."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3
import sys
from contextlib import closing

import numpy as np
import pytest
from project_fakes import ANN, MODEL, lungs, map_of, project_with
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable

from napari_unet.core.errors import UserError
from napari_unet.review import database, schema
from napari_unet.review.faults import StoreFault
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import NewCase, Reason, Status


@pytest.mark.parametrize("statement", ["DELETE FROM events", "UPDATE events SET who = 'nobody'"])
def test_the_trail_can_only_grow(tmp_path, statement):
    project, _ = project_with(tmp_path)
    before = project.events()
    with pytest.raises(IntegrityError), project._database.writing() as connection:
        connection.execute(text(statement))
    with closing(sqlite3.connect(project.folder / "review.db")) as other, pytest.raises(sqlite3.Error):
        other.execute(statement)
    assert project.events() == before


def test_the_tables_are_no_business_of_sqlite_alone():
    for table in schema.metadata.sorted_tables:
        made = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "CREATE TABLE" in made


def test_only_the_database_module_speaks_sqlite():
    folder = os.path.dirname(database.__file__)
    for name in os.listdir(folder):
        if name.endswith(".py") and name != "database.py":
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                assert not re.search(r"import sqlite3|PRAGMA|dialects\.sqlite|INSERT OR", file.read()), name


def test_every_change_is_on_the_disk_when_it_returns(tmp_path):
    project, _ = project_with(tmp_path)
    with project._database.reading() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_database_that_another_program_writes_to_is_waited_for_then_told(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    project, (case,) = project_with(tmp_path)
    project.add_revision(case, lungs(), MODEL)
    before = project.case(case), project.events()
    with closing(sqlite3.connect(project.folder / "review.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for ask in _writes(project, case):
            with pytest.raises(StoreFault, match="Another program is writing"):
                ask()
        assert (project.case(case), project.events()) == before  # reading goes on
        other.execute("ROLLBACK")
    assert os.listdir(project.folder / "masks" / case) == ["1.png"]
    assert project.decide(case, Status.ACCEPTED, "Ann").status == Status.ACCEPTED


def test_a_folder_that_is_gone_is_told_and_nothing_goes_into_the_void(tmp_path):
    project, (case,) = project_with(tmp_path)
    mask = project.add_revision(case, lungs(), MODEL)
    away = project.folder.with_name("unplugged")
    project.folder.rename(away)
    for ask in _writes(project, case):
        with pytest.raises(StoreFault, match="no longer exists"):
            ask()
    with pytest.raises(StoreFault, match="no longer exists"):
        project.read_mask(mask.id)
    away.rename(project.folder)
    assert project.add_revision(case, lungs(2), ANN).number == 2
    with ReviewProject.open(project.folder) as again:
        assert [revision.number for revision in again.revisions(case)] == [1, 2]


def test_another_project_in_its_place_is_not_written_to(tmp_path):
    project, (case,) = project_with(tmp_path)
    shutil.copytree(project.folder, tmp_path / "copy")
    project.folder.rename(tmp_path / "away")
    (tmp_path / "copy").rename(project.folder)
    with pytest.raises(StoreFault, match="no longer exists"):
        project.set_note(case, "lost", "Ann")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "is full"),
        (errno.EROFS, "cannot be written"),
        (errno.EACCES, "cannot be written"),
        (errno.EIO, "does not respond"),
    ],
)
def test_a_disk_that_fails_while_a_mask_is_written_is_told_and_nothing_is_half_done(
    tmp_path, monkeypatch, code, words
):
    project, (case,) = project_with(tmp_path)
    project.add_revision(case, lungs(), MODEL)
    before = project.case(case), project.events()

    def fail(handle):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreFault, match=words):
        project.add_revision(case, lungs(3), ANN)
    with pytest.raises(StoreFault, match=words):
        project.put_map(case, map_of(lungs()))
    monkeypatch.undo()
    assert (project.case(case), project.events()) == before
    assert os.listdir(project.folder / "masks" / case) == ["1.png"]
    assert np.array_equal(project.read_mask(project.add_revision(case, lungs(3), ANN).id), lungs(3))


def test_a_database_that_the_disk_has_no_room_for_is_told_and_nothing_is_half_done(tmp_path):
    project, (case,) = project_with(tmp_path)
    with project._database.reading() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))  # of the one connection in the pool
    before = project.cases(), project.events()
    for _ in range(3):  # as the saver tries again
        with pytest.raises(StoreFault, match="is full"):
            project.add_revision(case, lungs(), ANN, "long" * 5000)
    assert os.listdir(project.folder / "masks" / case) == []
    with pytest.raises(StoreFault, match="is full"):
        project.add([NewCase(f"/more/{n}.png") for n in range(500)], "Ann")
    assert (project.cases(), project.events()) == before
    with project._database.reading() as connection:
        connection.execute(text("PRAGMA max_page_count = 1000000"))
    assert len(project.add([NewCase(f"/more/{n}.png") for n in range(500)], "Ann")) == 500


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only_is_told(tmp_path):
    project, (case,) = project_with(tmp_path)
    for folder in (project.folder, project.folder / "masks"):
        folder.chmod(0o500)
    try:
        with pytest.raises(StoreFault, match="cannot be written"):
            project.add_revision(case, lungs(), MODEL)
    finally:
        for folder in (project.folder, project.folder / "masks"):
            folder.chmod(0o700)


def test_a_read_only_database_is_told(tmp_path):
    project, (case,) = project_with(tmp_path)
    with project._database.reading() as connection:
        connection.execute(text("PRAGMA query_only = ON"))
    with pytest.raises(StoreFault, match="cannot be written"):
        project.set_note(case, "x", "Ann")


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_a_damaged_database_is_told(tmp_path, content):
    ReviewProject.create(tmp_path / "p").close()
    (tmp_path / "p" / "review.db").write_bytes(content)
    with pytest.raises(UserError, match=r"damaged|not a review project"):
        ReviewProject.open(tmp_path / "p")


def test_a_fault_names_no_path(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    project = ReviewProject.create(tmp_path / "p")
    with closing(sqlite3.connect(project.folder / "review.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreFault) as told:
            project.add([NewCase("/secret/smith.png", patient="SMITH")], "Ann")
        error: BaseException | None = told.value
        while error is not None:
            assert "smith" not in f"{error!r} {error}".lower()
            error = error.__context__
        other.execute("ROLLBACK")


def _writes(project, case):
    """One call of each kind of write."""
    return [
        lambda: project.add([NewCase("/new.png")], "Ann"),
        lambda: project.begin(case, "Ann"),
        lambda: project.add_revision(case, lungs(4), ANN),
        lambda: project.decide(case, Status.REJECTED, "Ann", Reason.ROTATED),
        lambda: project.put_map(case, map_of(lungs())),
        lambda: project.set_setting("order", "random"),
    ]
