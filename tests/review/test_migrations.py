"""A project that the first schema wrote is opened, brought up to date and goes on."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from napari_unet.core.errors import UserError
from napari_unet.review.schema import metadata
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Measurement, NewCase, Reason, Status

FROZEN = Path(__file__).parent / "first_schema"


@pytest.fixture
def old(tmp_path):
    return Path(shutil.copytree(FROZEN, tmp_path / "project"))


def test_the_frozen_project_has_the_first_schema():
    with sqlite3.connect(f"file:{FROZEN / 'review.db'}?immutable=1", uri=True) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)


def test_everything_in_an_old_project_is_still_there(old):
    with ReviewProject.open(old) as project:
        first, second, third = project.cases()
        assert (first.status, first.reviewer, first.note) == (Status.CORRECTED, "Ann", "left base")
        assert (first.shape, first.spacing_mm, first.checks) == ((64, 48), (0.5, 0.5), ("extra parts",))
        assert (first.active_seconds, first.uncertainty, first.why) == (61.5, 0.25, "")
        assert (second.status, second.reason) == (Status.REJECTED, Reason.ROTATED)
        assert third.status == Status.NEW
        by_model, by_ann = project.revisions(first.id)
        labels = project.read_mask(by_ann.id)
        assert labels.shape == (64, 48) and set(np.unique(labels)) == {0, 1, 2, 255}
        assert by_ann.parent == by_model.id and by_ann.dice == pytest.approx(0.97, abs=0.03)
        assert project.setting("map_cap_mb", 0) == 200
        assert project.protocol == "heart left out"


def test_decisions_made_before_can_be_taken_back_after(old):
    with ReviewProject.open(old) as project:
        assert project.take_back("Ann").status == Status.NEW
        assert project.take_back("Ann").status == Status.IN_PROGRESS
        assert project.take_back("Ann") is None


def test_an_old_project_takes_what_is_new(old):
    line = Measurement("heart", ((1.0, 2.0), (1.0, 12.0)), 5.0, True)
    with ReviewProject.open(old) as project:
        case = project.cases()[2].id
        project.set_measurements(case, (line,), "Ann")
        project.set_queue({case: (2.0, "Left lung missing")})
    with ReviewProject.open(old) as project:
        assert project.case(case).measurements == (line,)
        assert project.case(case).why == "Left lung missing"


def test_the_database_of_before_is_kept_beside_it_once(old):
    ReviewProject.open(old).close()
    kept = old / "review-of-schema-0001.db"
    with sqlite3.connect(kept) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    written = kept.stat().st_mtime_ns
    ReviewProject.open(old).close()
    assert kept.stat().st_mtime_ns == written


def test_a_migration_that_fails_changes_nothing(old, monkeypatch):
    from napari_unet.review import database

    monkeypatch.setattr(database, "_upgrade", _half_an_upgrade)
    with pytest.raises(UserError, match="full"):
        ReviewProject.open(old)
    monkeypatch.undo()
    with ReviewProject.open(old) as project:
        assert len(project.cases()) == 3


def _half_an_upgrade(connection):
    connection.execute(text("ALTER TABLE cases ADD COLUMN why TEXT"))
    raise OSError(28, "No space left on device")


def test_migrated_new_and_described_tables_are_the_same(old, tmp_path):
    ReviewProject.open(old).close()
    ReviewProject.create(tmp_path / "new").close()
    for folder in (old, tmp_path / "new"):
        engine = create_engine(f"sqlite:///{folder / 'review.db'}")
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
        engine.dispose()


def test_a_project_of_a_newer_program_is_refused_and_left_alone(old):
    with sqlite3.connect(old / "review.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UserError, match="newer version"):
        ReviewProject.open(old)
    with sqlite3.connect(old / "review.db") as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)
        assert database.execute("SELECT name FROM sqlite_master WHERE name = 'decisions'").fetchone() is None


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "review.db") as database:
        database.execute("CREATE TABLE books (title TEXT)")
    with pytest.raises(UserError, match="not a review project"):
        ReviewProject.open(tmp_path)
    with sqlite3.connect(tmp_path / "review.db") as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("books",)]


def test_where_images_lie_is_moved_over_and_nothing_else_is_lost(old):
    with sqlite3.connect(f"file:{FROZEN / 'review.db'}?immutable=1", uri=True) as database:
        before = database.execute("SELECT id, path, path_key FROM cases ORDER BY number").fetchall()
        events = database.execute("SELECT count(*) FROM events").fetchone()
    with ReviewProject.open(old) as project:
        assert {id: str(source.first) for id, source in project.sources().items()} == {
            id: path for id, path, _ in before
        }
        assert [new for _, new in project.add([NewCase(path) for _, path, _ in before], "Ann")] == [False] * 3
    with sqlite3.connect(old / "review.db") as database:
        assert sorted(database.execute('SELECT "case", path, path_key FROM files')) == sorted(before)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        columns = {row[1] for row in database.execute("PRAGMA table_info(cases)")}
        assert "content_hash" in columns and columns.isdisjoint({"path", "path_key"})
        assert "ix_cases_status" in {row[1] for row in database.execute("PRAGMA index_list(cases)")}
        assert database.execute("SELECT count(*) FROM events").fetchone() == events
        for statement in ("DELETE FROM events", "UPDATE events SET who = 'x'"):
            with pytest.raises(sqlite3.IntegrityError, match="events stay"):
                database.execute(statement)
    with (
        ReviewProject.open(old) as project,
        pytest.raises(IntegrityError),  # links are looked after again
        project._database.writing() as connection,
    ):
        connection.execute(text("DELETE FROM cases"))
