"""Leases, decisions and taking them back."""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import timedelta

import numpy as np
import pytest
from project_fakes import ANN, MODEL, SHAPE, lungs, project_with

from napari_unet.core.errors import UserError
from napari_unet.review import decisions, rows, store_masks, trail
from napari_unet.review.leases import CaseTaken, Session
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, FileFacts, FileState, NewCase, Reason, Status


def test_opening_a_new_case_puts_it_in_progress(tmp_path):
    project, (case,) = project_with(tmp_path)
    assert project.begin(case, "Ann").status == Status.IN_PROGRESS
    assert project.case(case).lease == "Ann"
    project.leave(case, "Ann", 30.5)
    project.begin(case, "Ann")
    project.leave(case, "Ann", 12.0)
    now = project.case(case)
    assert (now.lease, now.active_seconds, now.status) == ("", 42.5, Status.IN_PROGRESS)


def test_a_case_that_somebody_has_open_is_refused_with_the_name(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.begin(case, "Ann")
    project.begin(case, "Ann")  # a second time in the same window
    with ReviewProject.open(project.folder) as other:
        for ask in (other.begin, other.renew):
            with pytest.raises(UserError, match="Ann has case 1 open"):
                ask(case, "Bob")
        with pytest.raises(UserError, match="Ann has case 1 open"):
            other.decide(case, Status.REJECTED, "Bob", Reason.ROTATED)
        other.leave(case, "Bob", 1.0)
    assert project.case(case).lease == "Ann"
    project.leave(case, "Ann", 1.0)
    assert project.begin(case, "Bob").lease == "Bob"


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_lease_that_nobody_renews_ends_whichever_way_the_clock_went(tmp_path, monkeypatch, jump):
    project, (case,) = project_with(tmp_path)
    project.begin(case, "Ann")
    real = trail.now
    for module in (decisions, rows):
        monkeypatch.setattr(module, "now", lambda: real() + jump)
    assert project.case(case).lease == ""
    assert project.begin(case, "Bob").lease == "Bob"


def test_two_windows_of_one_reviewer_do_not_open_the_same_case(tmp_path):
    project, ids = project_with(tmp_path, 2)
    project.begin(ids[0], "Ann")
    with ReviewProject.open(project.folder) as other:
        with pytest.raises(CaseTaken, match=r"You have case 1 open in another window\. Close it there first"):
            other.begin(ids[0], "Ann")
        with pytest.raises(CaseTaken, match="another window"):
            other.decide(ids[0], Status.REJECTED, "Ann", Reason.ROTATED)
        assert other.is_elsewhere(ids[0]) and not project.is_elsewhere(ids[0])
        other.begin(ids[1], "Ann")
        project.leave(ids[0], "Ann", 1.0)
        other.begin(ids[0], "Ann")


def test_a_window_that_has_the_case_goes_on_under_another_name(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.begin(case, "unnamed reviewer")
    assert project.begin(case, "Ann").lease == "Ann"
    project.leave(case, "Ann", 1.0)
    assert project.case(case).lease == ""


def test_a_project_that_is_closed_has_no_case_open(tmp_path):
    project, (case,) = project_with(tmp_path)
    with ReviewProject.open(project.folder) as other:
        other.begin(case, "Ann")
    assert project.case(case).lease == "" and project.begin(case, "Bob").lease == "Bob"


@pytest.mark.parametrize(("computer", "is_held"), [("", False), ("elsewhere", True)])
def test_what_a_killed_process_had_open_is_free_on_its_own_computer(tmp_path, computer, is_held):
    project, (case,) = project_with(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()  # its number is nobody's now
    killed = Session(computer=computer or platform.node(), process=child.pid)
    with project._database.writing() as connection:
        decisions.begin(connection, killed, case, "Ann")
    if is_held:
        with pytest.raises(CaseTaken, match="Ann has case 1 open on another computer"):
            project.begin(case, "Ann")
    else:
        assert project.case(case).lease == "" and project.begin(case, "Bob").lease == "Bob"


def _lose(project, case, monkeypatch, by="Bob", decides=True):
    """Nobody renews for an hour; meanwhile another window opens the case, decides about it and leaves."""
    real = trail.now
    for module in (decisions, rows, store_masks):
        monkeypatch.setattr(module, "now", lambda: real() + timedelta(hours=1))
    other = ReviewProject.open(project.folder)
    other.begin(case, by)
    if decides:
        other.decide(case, Status.REJECTED, by, Reason.ROTATED)
        other.leave(case, by, 1.0)
    return other


@pytest.mark.parametrize(("by", "decides"), [("Bob", True), ("Ann", True), ("Bob", False), ("Ann", False)])
def test_a_window_that_lost_the_case_decides_nothing_and_keeps_its_mask(tmp_path, monkeypatch, by, decides):
    project, (case,) = project_with(tmp_path)
    first = project.add_revision(case, lungs(), MODEL)
    project.begin(case, "Ann")
    with _lose(project, case, monkeypatch, by, decides):
        before = project.case(case)
        with pytest.raises(CaseTaken, match="Case 1 was opened elsewhere"):
            project.decide(case, Status.ACCEPTED, "Ann")
        with pytest.raises(CaseTaken, match="Case 1 was opened elsewhere"):
            project.renew(case, "Ann")
        with pytest.raises(CaseTaken, match="kept among its masks"):
            project.refuse_lost(case, "Ann")
        kept = project.add_revision(case, lungs(3), ANN, "strokes")
        assert project.case(case) == before and before.revision == first.id
        assert (kept.parent, kept.note) == (first.id, "strokes; kept aside")
        np.testing.assert_array_equal(project.read_mask(kept.id), lungs(3))
        project.leave(case, "Ann", 1.0)
        assert project.case(case).lease == before.lease
    project.begin(case, "Ann")
    assert project.decide(case, Status.ACCEPTED, "Ann").status == Status.ACCEPTED


def test_a_case_that_nobody_took_meanwhile_is_still_open(tmp_path, monkeypatch):
    project, (case,) = project_with(tmp_path)
    project.begin(case, "Ann")
    real = trail.now
    for module in (decisions, rows, store_masks):
        monkeypatch.setattr(module, "now", lambda: real() + timedelta(hours=1))
    made = project.add_revision(case, lungs(), ANN)
    assert project.case(case).revision == made.id
    project.renew(case, "Ann")
    assert project.case(case).lease == "Ann"


def test_a_lease_lasts_while_it_is_renewed(tmp_path, monkeypatch):
    project, (case,) = project_with(tmp_path)
    other = ReviewProject.open(project.folder)
    clock = [trail.now()]
    for module in (decisions, rows):
        monkeypatch.setattr(module, "now", lambda: clock[0])
    project.begin(case, "Ann")
    for _ in range(5):
        clock[0] += timedelta(minutes=8)
        project.renew(case, "Ann")
    with pytest.raises(UserError, match="Ann"):
        other.begin(case, "Bob")


def test_the_models_mask_is_accepted_and_a_changed_one_is_corrected(tmp_path):
    project, (case,) = project_with(tmp_path)
    first = project.add_revision(case, lungs(), MODEL)
    accepted = project.decide(case, Status.ACCEPTED, "Ann")
    assert (accepted.status, accepted.reviewer) == (Status.ACCEPTED, "Ann")
    assert accepted.decided is not None
    project.add_revision(case, lungs(3), ANN, "strokes")
    assert project.case(case).status == Status.CORRECTED
    assert project.decide(case, Status.ACCEPTED, "Ann").status == Status.CORRECTED
    project.restore(first.id, "Ann")
    assert project.case(case).status == Status.ACCEPTED
    assert project.decide(case, Status.CORRECTED, "Ann").status == Status.ACCEPTED


def test_a_mask_drawn_from_nothing_is_a_correction(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.add_revision(case, lungs(), ANN)
    assert project.decide(case, Status.ACCEPTED, "Ann").status == Status.CORRECTED


def test_an_accepted_case_needs_a_second_look_if_a_model_gives_it_another_mask(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.add_revision(case, lungs(), MODEL)
    project.decide(case, Status.ACCEPTED, "Ann")
    project.add_revision(case, lungs(2), Author(AuthorKind.MODEL, "cxr-lung", "2.0"))
    assert project.case(case).status == Status.SECOND_LOOK


def test_a_case_without_lung_is_accepted_only_when_that_is_confirmed(tmp_path):
    project, ids = project_with(tmp_path, 2)
    project.add_revision(ids[1], np.full(SHAPE, 255, np.uint8), ANN)  # all ignored is not lung either
    for case in ids:
        with pytest.raises(UserError, match="no lung"):
            project.decide(case, Status.ACCEPTED, "Ann")
    empty = project.decide(ids[0], Status.ACCEPTED, "Ann", empty_ok=True)
    assert empty.status == Status.ACCEPTED
    assert project.read_mask(empty.revision).shape == SHAPE
    assert not project.read_mask(empty.revision).any()
    assert project.decide(ids[1], Status.ACCEPTED, "Ann", empty_ok=True).status == Status.ACCEPTED
    assert project.take_back("Ann").id == ids[1]
    assert project.take_back("Ann").revision is None


def test_an_image_that_was_never_read_has_no_size_for_an_empty_mask(tmp_path):
    project = ReviewProject.create(tmp_path / "p")
    [(case, _)] = project.add([NewCase("/a.png")], "Ann")
    with pytest.raises(UserError, match="not been read"):
        project.decide(case, Status.ACCEPTED, "Ann", empty_ok=True)
    assert project.case(case).status == Status.NEW


def test_rejecting_needs_a_reason(tmp_path):
    project, (case,) = project_with(tmp_path)
    with pytest.raises(UserError, match="reason"):
        project.decide(case, Status.REJECTED, "Ann")
    rejected = project.decide(case, Status.REJECTED, "Ann", Reason.CUT_OFF)
    assert (rejected.status, rejected.reason) == (Status.REJECTED, Reason.CUT_OFF)
    again = project.decide(case, Status.SECOND_LOOK, "Ann")
    assert (again.status, again.reason, again.decided) == (Status.SECOND_LOOK, None, None)


@pytest.mark.parametrize("status", [Status.NEW, Status.IN_PROGRESS])
def test_what_is_no_decision_is_a_bug(tmp_path, status):
    project, (case,) = project_with(tmp_path)
    with pytest.raises(ValueError, match="no decision"):
        project.decide(case, status, "Ann")


def test_a_reviewer_takes_back_step_by_step_what_was_decided(tmp_path):
    project, ids = project_with(tmp_path, 2)
    for case in ids:
        project.add_revision(case, lungs(), MODEL)
    before = project.cases()
    project.decide(ids[0], Status.ACCEPTED, "Ann")
    middle = project.case(ids[0])
    project.decide(ids[1], Status.REJECTED, "Ann", Reason.ROTATED)
    project.decide(ids[0], Status.SECOND_LOOK, "Ann")
    assert project.take_back("Ann") == middle
    assert project.take_back("Ann") == before[1]
    assert project.take_back("Ann") == before[0]
    assert project.take_back("Ann") is None
    assert project.cases() == before


def test_nobody_takes_back_what_another_decided(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.add_revision(case, lungs(), MODEL)
    project.decide(case, Status.ACCEPTED, "Ann")
    assert project.take_back("Bob") is None
    project.decide(case, Status.SECOND_LOOK, "Bob")
    with pytest.raises(UserError, match="Bob has decided"):
        project.take_back("Ann")
    project.take_back("Bob")
    assert project.take_back("Ann").reviewer == ""


def test_a_clock_that_goes_back_disorders_nothing(tmp_path, monkeypatch):
    from napari_unet.review import cases, revisions

    project, (case,) = project_with(tmp_path)
    clock = [trail.now()]
    for module in (decisions, rows, trail, cases, revisions):
        monkeypatch.setattr(module, "now", lambda: clock[0])
    made = []
    for step in range(4):
        clock[0] -= timedelta(days=1)
        made.append(project.add_revision(case, lungs(step), MODEL if step == 0 else ANN).id)
    assert [revision.id for revision in project.revisions(case)] == made
    assert project.case(case).revision == made[-1]
    project.decide(case, Status.ACCEPTED, "Ann")
    clock[0] -= timedelta(days=1)
    project.decide(case, Status.REJECTED, "Ann", Reason.ROTATED)
    assert project.take_back("Ann").status == Status.CORRECTED
    [(other, _)] = project.add([NewCase("/later.png")], "Ann")
    assert project.cases()[-1].id == other
    numbers = [event.number for event in project.events()]
    assert numbers == sorted(numbers) and project.events()[-1].kind == "added"


def test_a_missing_file_can_still_be_rejected(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.put_facts({case: FileFacts(FileState.MISSING)}, "")
    assert project.decide(case, Status.REJECTED, "Ann", Reason.DUPLICATE).status == Status.REJECTED
