"""Second reading: no score before the first call, in any way that the project has."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from project_fakes import SHAPE, lungs, project_with

from napari_unet.core.errors import UserError
from napari_unet.core.second_reading import FindingCall
from napari_unet.core.steps import run
from napari_unet.review.add import add_found, gather
from napari_unet.review.calls import standing
from napari_unet.review.exporting.export import ExportOptions, export_steps
from napari_unet.review.exporting.kinds import Format
from napari_unet.review.queue import priorities
from napari_unet.review.record import CallKind
from napari_unet.review.reporting.report import report_steps
from napari_unet.review.scan import scan_steps
from napari_unet.review.second_reader import NotCalled
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, Order, Status

SCORE = 0.8371
SAYS = {"nodule": FindingCall(2, "right upper zone")}
NOW = {"nodule": FindingCall(4, "right upper zone")}


def scored(folder: Path, count: int = 2) -> tuple[ReviewProject, list[str]]:
    project, ids = project_with(folder, count)
    for id in ids:
        project.put_scores(id, {"nodule": SCORE}, "finder", "1", "findings")
    return project, ids


def everything(project: ReviewProject, by: str, folder: Path) -> str:
    """All that a window or a file of the project could show to one reader."""
    told: list[Any] = [dataclasses.asdict(case) for case in project.cases()]
    told += [dataclasses.asdict(event) for event in project.events()]
    told += [project.visible_scores(by), project.visible_calls(by), project.counts(), project.in_triage]
    told += [priorities(project.cases(), order) for order in Order]
    told += [project.revisions(case.id) for case in project.cases()]
    told += [project.map(case.id) for case in project.cases()]
    run(report_steps(project, folder / "report", by))
    told += [file.read_text() for file in sorted((folder / "report").rglob("*.*")) if file.suffix != ".png"]
    return str(told)


def holds_score(told: str) -> bool:
    """Whether the score stands there, rounded or not; the first digits of a longer number do not count."""
    return any(re.search(rf"\b{re.escape(f'{SCORE:.{digits}f}')}\b", told) for digits in (2, 3, 4))


def test_no_way_leads_to_a_score_before_the_first_call(tmp_path: Path) -> None:
    project, ids = scored(tmp_path)
    told = everything(project, "Ann", tmp_path)
    assert not holds_score(told) and "score_nodule" not in told
    for id in ids:
        with pytest.raises(NotCalled, match="after your own first call"):
            project.show_scores(id, "Ann")
    assert project.readings() == []


def test_a_score_is_in_no_export(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    image = np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8)
    Image.fromarray(image).save(tmp_path / "images" / "one.png")
    project = ReviewProject.create(tmp_path / "project")
    ((case, _),) = add_found(project, gather([tmp_path / "images"]), "Ann")
    run(scan_steps(project, by="Ann"))
    project.put_scores(case, {"nodule": SCORE}, "finder", "1", "findings")
    project.add_revision(case, lungs(), Author(AuthorKind.PERSON, "Ann"))
    project.decide(case, Status.ACCEPTED, "Ann")
    run(export_steps(project, tmp_path / "out", [Format.PNG, Format.COCO], ExportOptions(by="Ann")))
    written = [file.read_text() for file in (tmp_path / "out").rglob("*.*") if file.suffix != ".png"]
    assert len(written) >= 3
    assert not [text for text in written if str(SCORE) in text or "nodule" in text]


def test_the_first_call_opens_the_score_to_its_reader_alone(tmp_path: Path) -> None:
    project, (one, other) = scored(tmp_path)
    project.first_call(one, "Ann", SAYS)
    (shown,) = project.show_scores(one, "Ann")
    assert (shown.finding, shown.score, shown.model, shown.version) == ("nodule", SCORE, "finder", "1")
    assert list(project.visible_scores("Ann")) == [one] and project.visible_scores("Bob") == {}
    for case, by in ((other, "Ann"), (one, "Bob")):
        with pytest.raises(NotCalled):
            project.show_scores(case, by)
    assert not holds_score(everything(project, "Bob", tmp_path))
    run(report_steps(project, tmp_path / "hers", "Ann"))
    with (tmp_path / "hers" / "report.csv").open(newline="") as file:
        assert [row["score_nodule"] for row in csv.DictReader(file)] == [f"{SCORE:.4f}", ""]


def test_calls_are_added_and_never_changed(tmp_path: Path) -> None:
    project, (case, _) = scored(tmp_path)
    project.first_call(case, "Ann", {"nodule": FindingCall(1)})
    project.first_call(case, "Ann", SAYS)  # a slip, mended before the score was seen
    with pytest.raises(UserError, match="not been shown"):
        project.final_call(case, "Ann", NOW)
    project.show_scores(case, "Ann")
    project.show_scores(case, "Ann")
    with pytest.raises(UserError, match="stays as it is"):
        project.first_call(case, "Ann", NOW)
    project.final_call(case, "Ann", SAYS)
    project.final_call(case, "Ann", NOW)
    kinds = [call.kind for call in project.calls(case)]
    assert kinds == ["finding", "first call", "first call", "score seen", "final call", "final call"]
    assert [call.kind for call in standing(project.calls(case))] == kinds[:1] + kinds[2:4] + kinds[5:]
    assert project.reader_call(case, "Ann") == SAYS
    assert project.reader_call(case, "Ann", final=True) == NOW
    assert project.reader_call(case, "Bob") == {}
    (reading,) = project.readings()
    assert (reading.first, reading.score, reading.final) == (SAYS["nodule"], SCORE, NOW["nodule"])
    assert reading.blind and run(project.verify()) is not None
    assert not [p for p in run(project.verify()) if "call" in p.text.casefold()]


def test_a_new_score_is_recorded_as_seen_when_it_is(tmp_path: Path) -> None:
    project, (case, _) = scored(tmp_path)
    project.first_call(case, "Ann", SAYS)
    project.show_scores(case, "Ann")
    project.put_scores(case, {"nodule": 0.1}, "finder", "1", "findings")
    assert [one.score for one in project.show_scores(case, "Ann")] == [0.1]
    assert [call.kind for call in project.calls(case)].count(CallKind.SEEN) == 2
    assert project.readings()[0].score == 0.1


def test_a_case_without_scores_shows_none_and_says_nothing_of_seeing_one(tmp_path: Path) -> None:
    project, (case,) = project_with(tmp_path)
    project.first_call(case, "Ann", SAYS)
    assert project.show_scores(case, "Ann") == []
    assert [call.kind for call in project.calls()] == [CallKind.FIRST]


def test_triage_shows_scores_and_is_no_second_reading(tmp_path: Path) -> None:
    project, (one, other) = scored(tmp_path)
    project.first_call(one, "Ann", SAYS)
    project.set_triage(True, "Ann")
    project.set_triage(True, "Ann")
    assert project.in_triage and set(project.visible_scores("Bob")) == {one, other}
    assert [score.score for score in project.show_scores(other, "Bob")] == [SCORE]
    project.set_triage(False, "Ann")
    assert project.visible_scores("Bob") == {}
    project.first_call(one, "Bob", SAYS)  # he may remember: it does not count
    blind = {(reading.case, reading.reader): reading.blind for reading in project.readings()}
    assert blind == {(one, "Ann"): True, (one, "Bob"): False}
    assert [event.kind for event in project.events()].count("triage") == 2


@pytest.mark.parametrize("what", ["first_call", "final_call"])
def test_a_call_says_something_about_a_case_that_is_there(tmp_path: Path, what: str) -> None:
    project, (case, _) = scored(tmp_path)
    before = project.calls()
    with pytest.raises(UserError, match="does not cover any finding"):
        getattr(project, what)(case, "Ann", {})
    with pytest.raises(UserError, match="no case"):
        getattr(project, what)("nobody", "Ann", SAYS)
    assert project.calls() == before


def test_references_come_from_elsewhere_and_replace_those_of_the_same_source(tmp_path: Path) -> None:
    project, (case, other) = scored(tmp_path)
    project.put_references([(case, "nodule", True, "CT"), (other, "nodule", False, "CT")], "Ann")
    project.put_references([(case, "nodule", True, "CT")], "Ann")
    assert len([call for call in project.calls() if call.kind == CallKind.REFERENCE]) == 2
    project.put_references([(case, "nodule", False, "CT")], "Ann")
    assert project.references() == {(case, "nodule"): False, (other, "nodule"): False}
    with pytest.raises(UserError, match="no case"):
        project.put_references([(other, "nodule", True, "CT"), ("nobody", "nodule", True, "CT")], "Ann")
    assert project.references()[other, "nodule"] is False  # all or none


def test_scores_are_not_in_the_trail(tmp_path: Path) -> None:
    project, (case, _) = scored(tmp_path)
    project.first_call(case, "Ann", SAYS)
    project.show_scores(case, "Ann")
    told = json.dumps([event.details for event in project.events()])
    assert str(SCORE) not in told and "confidence" not in told
