"""Calls: only ever added, taken back by further ones, and what an older project decided becomes calls."""

from __future__ import annotations

import csv
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from project_fakes import MODEL, SHAPE, lungs, project_with, result_of
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from napari_unet.core.errors import UserError
from napari_unet.core.prediction import Prediction
from napari_unet.core.second_reading import FindingCall
from napari_unet.review import schema
from napari_unet.review.calls import add_call, standing
from napari_unet.review.check_results import store_first_mask
from napari_unet.review.queue import priorities
from napari_unet.review.record import CallKind
from napari_unet.review.reporting.lines import COLUMNS
from napari_unet.review.reporting.report import report_steps
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import (
    Author,
    AuthorKind,
    FileFacts,
    FileState,
    Measurement,
    Order,
    Reason,
    Status,
)
from napari_unet.review.verify import ProblemKind

DATA = Path(__file__).parents[1] / "data" / "frozen" / "project"
ANN = Author(AuthorKind.PERSON, "Ann")
LINE = Measurement("heart", ((1.0, 2.0), (1.0, 12.0)), 5.0, True)


def statuses(project: ReviewProject) -> list[str]:
    return [case.status.value for case in project.cases()]


@pytest.mark.parametrize("change", [update(schema.calls).values(kind="finding"), delete(schema.calls)])
def test_a_call_is_never_changed_or_removed(tmp_path, change):
    project, (case,) = project_with(tmp_path)
    project.decide(case, Status.REJECTED, "Ann", Reason.ROTATED)
    before = project.calls()
    with pytest.raises(IntegrityError, match="calls stay"), project._database.writing() as connection:
        connection.execute(change)
    with (
        pytest.raises(sqlite3.IntegrityError, match="calls stay"),
        sqlite3.connect(project.folder / "review.db") as raw,
    ):
        raw.execute("DELETE FROM calls")
    assert project.calls() == before


def test_a_decision_says_who_what_when_and_on_which_mask(tmp_path):
    project, (case,) = project_with(tmp_path)
    mask = project.add_revision(case, lungs(), MODEL)
    now = project.decide(case, Status.ACCEPTED, "Ann")
    (call,) = project.calls()
    assert (call.case, call.kind, call.author, call.revision) == (case, CallKind.DECISION, ANN, mask.id)
    assert call.value["status"] == "accepted" and call.value["before"]["status"] == "new"
    assert abs((call.time - now.decided).total_seconds()) < 1


def test_decisions_are_taken_back_one_after_the_other_by_further_calls(tmp_path):
    project, (one, two) = project_with(tmp_path, 2)
    for case in (one, two):
        project.add_revision(case, lungs(), MODEL)
    project.decide(one, Status.ACCEPTED, "Ann")
    project.decide(two, Status.REJECTED, "Ann", Reason.CUT_OFF)
    project.decide(one, Status.REJECTED, "Ann", Reason.ROTATED)
    for expected in (["accepted", "rejected"], ["accepted", "new"], ["new", "new"]):
        assert project.take_back("Ann") is not None
        assert statuses(project) == expected
    assert project.take_back("Ann") is None
    calls = project.calls()
    assert [call.takes_back for call in calls] == [None, None, None, 3, 2, 1]
    assert standing(calls) == [] and [call.value for call in calls[3:]] == [None] * 3
    project.decide(one, Status.ACCEPTED, "Ann")
    assert [call.number for call in standing(project.calls())] == [7]
    assert result_of(project.verify())[0].kind != ProblemKind.CALL  # its image is not there, that is all


def test_two_windows_take_a_decision_back_once(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.add_revision(case, lungs(), MODEL)
    project.decide(case, Status.ACCEPTED, "Ann")
    with ReviewProject.open(project.folder) as other:
        assert other.take_back("Ann").status == Status.NEW
        assert project.take_back("Ann") is None
        project.decide(case, Status.ACCEPTED, "Ann")
        other.decide(case, Status.REJECTED, "Bob", Reason.ROTATED)
        with pytest.raises(UserError, match="Bob has decided about case 1 since"):
            project.take_back("Ann")
        assert [call.author.name for call in standing(other.calls())] == ["Ann", "Bob"]
        with pytest.raises(IntegrityError, match="UNIQUE"), other._database.writing() as connection:
            add_call(connection, case, CallKind.DECISION, ANN, None, takes_back=1)  # it was taken back before


def test_lengths_are_stated_anew_and_forgotten_with_their_image(tmp_path):
    project, (case,) = project_with(tmp_path)
    mask = project.add_revision(case, lungs(), MODEL)
    project.set_measurements(case, (LINE,), "Ann")
    project.set_measurements(case, (LINE, LINE), "Bob")
    assert project.case(case).measurements == (LINE, LINE) == project.cases()[0].measurements
    first, second = project.calls(case)
    assert (first.kind, first.revision, second.takes_back) == (CallKind.MEASURE, mask.id, first.number)
    project.set_measurements(case, (), "Bob")
    assert project.case(case).measurements == () and len(project.calls()) == 3
    project.set_measurements(case, (LINE,), "Bob")
    project.put_facts({case: FileFacts(FileState.PRESENT, "d" * 64, shape=(7, 9))}, "")
    project.resolve_change(case, True, "Ann")
    assert project.case(case).measurements == () and standing(project.calls()) == []
    project.set_measurements(case, (), "Bob")
    assert len(project.calls()) == 5  # nothing was said, so nothing is taken back


# -- what models score --


def scored(scores: dict[str, float], **more: object) -> Prediction:
    """A classification of a case, without a mask."""
    maps = np.zeros((len(scores), *SHAPE), np.uint8)
    return Prediction(
        maps, model="finder", version="2", output="findings", task="classification", scores=scores, **more
    )


def report(project: ReviewProject, folder: Path, by: str = "Ann") -> tuple[list[str], list[list[str]], str]:
    result_of(report_steps(project, folder, by))
    with (folder / "report.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    return head, rows, (folder / "summary.html").read_text()


def test_scores_are_in_the_table_and_nowhere_else(tmp_path):
    project, (one, two) = project_with(tmp_path, 2)
    assert report(project, tmp_path / "before")[0] == list(COLUMNS)
    for case in (one, two):
        project.add_revision(case, lungs(), MODEL)
    seen = project.cases(), [priorities(project.cases(), order) for order in Order]
    assert not store_first_mask(project, one, scored({"Effusion": 0.8125, "tb like": 0.25}), "Ann")
    now = project.cases(), [priorities(project.cases(), order) for order in Order]
    assert now == seen
    assert report(project, tmp_path / "uncalled")[0] == list(COLUMNS)
    for case in (one, two):
        project.first_call(case, "Ann", {"Effusion": FindingCall(2)})
    assert report(project, tmp_path / "of Bob", "Bob")[0] == list(COLUMNS)
    head, rows, page = report(project, tmp_path / "after")
    assert head == [*COLUMNS, "score_effusion", "score_tb_like"]
    assert [row[-2:] for row in rows] == [["0.8125", "0.2500"], ["", ""]]
    told = page + str(project.events())
    assert "0.81" not in told and "ffusion" not in told
    call = project.calls()[0]
    assert (call.kind, call.author) == (CallKind.FINDING, Author(AuthorKind.MODEL, "finder", "2"))


def test_a_model_that_looks_again_takes_its_own_scores_back_and_no_others(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.put_scores(case, {"effusion": 0.5, "nodule": 0.1}, "finder", "1", "findings")
    project.put_scores(case, {"effusion": 0.5, "nodule": 0.2}, "finder", "1", "findings")
    project.put_scores(case, {"effusion": 0.9}, "finder", "2", "findings")
    assert [call.takes_back for call in project.calls()] == [None, None, 2, None]
    project.first_call(case, "Ann", {"nodule": FindingCall(1)})
    head, (row,), _ = report(project, tmp_path / "report")
    assert dict(zip(head, row, strict=True)).items() >= {
        ("score_effusion_finder_1", "0.5000"),
        ("score_nodule_finder_1", "0.2000"),
        ("score_effusion_finder_2", "0.9000"),
    }
    assert project.take_back("finder") is None  # a score is not a decision


# -- projects of before --


def test_a_frozen_projects_decisions_and_lengths_are_calls(tmp_path):
    folder = Path(shutil.copytree(DATA, tmp_path / "project"))
    with sqlite3.connect(folder / "review.db") as database:
        old = database.execute(
            'SELECT number, "case", who, status, taken_back FROM decisions ORDER BY number'
        ).fetchall()
        lines = database.execute(
            'SELECT "case", kind, length FROM measurements ORDER BY "case", position'
        ).fetchall()
    assert old and lines
    with ReviewProject.open(folder) as project:
        calls = project.calls()
        decided = [call for call in calls if call.kind == CallKind.DECISION and call.value is not None]
        assert [(c.number, c.case, c.author.name, c.value["status"]) for c in decided] == [
            row[:4] for row in old
        ]
        taken = {call.takes_back for call in calls if call.takes_back is not None}
        assert taken == {row[0] for row in old if row[4]}
        told = [event for event in project.events() if event.kind == "decided"]
        assert [call.time for call in decided] == [event.time for event in told]
        assert [call.revision for call in decided] == [event.details["revision"] for event in told]
        found = [
            (c.id, line.kind, line.length)
            for c in sorted(project.cases(), key=lambda c: c.id)
            for line in c.measurements
        ]
        assert found == lines
        wrong = [problem for problem in result_of(project.verify()) if problem.kind in ("call", "database")]
        assert wrong == []
        last = decided[-1]
        back = project.take_back(last.author.name)
        assert back.id == last.case and back.status.value == last.value["before"]["status"]
    with sqlite3.connect(folder / "review.db") as database:
        names = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
        assert not {"decisions", "measurements"} & names and "calls_no_UPDATE" in names


def test_what_was_taken_back_before_the_migration_stays_taken_back(tmp_path):
    folder = Path(shutil.copytree(DATA, tmp_path / "project"))
    with sqlite3.connect(folder / "review.db") as database:
        last = database.execute(
            "SELECT number FROM decisions WHERE NOT taken_back ORDER BY number DESC"
        ).fetchone()[0]
        database.execute("UPDATE decisions SET taken_back = 1 WHERE number = ?", (last,))
    with ReviewProject.open(folder) as project:
        assert last not in [call.number for call in standing(project.calls())]
        assert last in [call.takes_back for call in project.calls()]


def test_calls_that_do_not_fit_are_found(tmp_path):
    project, (one, two) = project_with(tmp_path, 2)
    project.decide(one, Status.REJECTED, "Ann", Reason.ROTATED)
    with project._database.writing() as connection:
        add_call(connection, two, CallKind.DECISION, ANN, None, takes_back=1)  # of another case
        add_call(connection, two, CallKind.MEASURE, ANN, {"lines": []}, revision="nobody-1")
        connection.execute(update(schema.cases).where(schema.cases.c.id == two).values(status="accepted"))
    texts = [p.text for p in result_of(project.verify()) if p.kind == ProblemKind.CALL]
    assert texts == [
        "A call on case 2 undoes something that is not an earlier decision of the case.",
        "A call on case 2 is about a mask that is not recorded.",
        "Case 2 is accepted, but no decision is recorded.",
    ]
