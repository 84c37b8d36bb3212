"""Accepting, rejecting, taking back; notes; what is measured; who worked how long."""

from __future__ import annotations

import numpy as np
import pytest
from casework_fakes import stroke, write_images

from napari_unet.core.errors import UserError
from napari_unet.core.labels import IGNORE
from napari_unet.review.types import Measurement, Reason, Status
from napari_unet.widgets.casework.decisions import EmptyMask, StillWrong
from napari_unet.widgets.casework.lease import ActiveTime


def statuses(review) -> list[Status]:
    review.settle()
    return [case.status for case in review.work.project.cases()]


def test_accepted_rejected_and_put_aside(review, three):
    review.work.navigator.open_next()
    review.until_open(three[0])
    assert review.work.decisions.accept()
    review.until_open(three[1])
    review.work.decisions.reject(Reason.ROTATED)
    review.until_open(three[2])
    review.work.decisions.second_look()
    assert statuses(review) == [Status.ACCEPTED, Status.REJECTED, Status.SECOND_LOOK]
    assert review.work.project.case(three[1]).reason == Reason.ROTATED
    assert [case.status for case in review.work.cases.values()] == statuses(review)
    assert all(case.lease == "" and case.reviewer == "Ann" for case in review.work.project.cases()[:2])


def test_a_painted_mask_is_corrected(review, three):
    mask = review.open(three[0])
    stroke(mask, (5, 5))
    painted = mask.data.copy()
    review.work.decisions.accept()
    review.settle()
    assert isinstance(review.failures[-1], StillWrong)  # the dab lies apart from both lungs
    review.work.decisions.accept()
    assert statuses(review)[0] == Status.CORRECTED
    np.testing.assert_array_equal(review.saved(three[0]), painted)


def test_painted_and_undone_is_accepted_as_it_was(review, three):
    mask = review.open(three[0])
    stroke(mask, (5, 5))
    mask.undo()
    review.work.decisions.accept()
    assert statuses(review)[0] == Status.ACCEPTED


@pytest.mark.parametrize("left", [0, IGNORE])
def test_an_empty_mask_asks_once(review, three, left):
    mask = review.open(three[0])
    mask.data_setitem(np.nonzero(mask.data), left)
    assert not review.work.decisions.accept()
    assert isinstance(review.failures[-1], EmptyMask)
    assert review.work.current.id == three[0]
    assert review.work.decisions.accept(empty_ok=True)
    assert statuses(review)[0] == Status.CORRECTED


def test_a_case_without_a_mask_is_accepted_as_empty(review, tmp_path):
    (id,) = review.start(write_images(tmp_path / "images", 1), masks=False)
    review.open(id)
    assert not review.work.decisions.accept()
    assert review.work.decisions.accept(empty_ok=True)
    assert statuses(review) == [Status.ACCEPTED]
    assert not review.saved(id).any()
    assert review.work.current is None
    assert review.news[-1] == "All cases of the queue are decided."


def test_the_last_decision_is_taken_back(review, three):
    review.open(three[0])
    review.work.decisions.accept()
    review.until_open(three[1])
    review.work.decisions.reject(Reason.CUT_OFF)
    review.until_open(three[2])
    review.work.decisions.take_back()
    review.until_open(three[1])
    assert statuses(review)[1] == Status.IN_PROGRESS
    review.work.decisions.take_back()
    review.until_open(three[0])
    review.work.decisions.take_back()
    review.qtbot.waitUntil(lambda: review.news[-1:] == ["There is no decision to take back."])


def test_a_decision_that_is_refused_is_told_and_shown_as_it_is(review, three, monkeypatch):
    review.open(three[0])
    review.settle()

    def refuse(*args):
        raise UserError("Not now.", "Later.")

    monkeypatch.setattr(review.work.project, "decide", refuse)
    review.work.decisions.accept()
    assert review.work.cases[three[0]].status == Status.ACCEPTED  # what the window expects
    review.qtbot.waitUntil(lambda: bool(review.failures))
    review.settle()
    assert review.work.cases[three[0]].status == Status.IN_PROGRESS


def test_nothing_is_decided_with_no_case_open(review, three):
    assert not review.work.decisions.accept()
    review.work.decisions.reject(Reason.ROTATED)
    review.work.decisions.second_look()
    review.work.decisions.set_note("?")
    review.work.decisions.set_measurements(())
    assert statuses(review) == [Status.NEW] * 3


def test_note_and_measurements_are_stored(review, three):
    review.open(three[0])
    line = Measurement("distance", ((1.0, 2.0), (4.0, 6.0)), 5.0, False)
    review.work.decisions.set_note("a note")
    review.work.decisions.set_measurements((line,))
    assert review.work.current.note == "a note"
    review.settle()
    case = review.work.project.case(three[0])
    assert (case.note, case.measurements) == ("a note", (line,))


def test_slices_that_are_marked_as_right_are_kept_and_are_there_again(review, three):
    mask = review.open(three[0])
    review.session.context_of(mask).mark((1, 3))
    assert review.work.current.marked == (1, 3)
    review.settle()
    case = review.work.project.case(three[0])
    assert case.marked == (1, 3) and case.marked_in == case.revision
    review.open(three[1])
    review.work.opener.forget(three[0])
    again = review.open(three[0])
    assert again is not mask and review.session.context_of(again).marked == (1, 3)


def test_the_lease_is_renewed(review, three, monkeypatch):
    review.open(three[0])
    renewed = []
    monkeypatch.setattr(review.work.project, "renew", lambda *who: renewed.append(who))
    review.work.opener.lease._renew.timeout.emit()
    review.settle()
    assert renewed == [(three[0], "Ann")]


def test_idle_minutes_do_not_count():
    now = [0.0]
    time = ActiveTime(lambda: now[0])
    for now[0] in (10.0, 30.0, 95.0, 100.0):
        time.alive()
    now[0] = 110.0
    assert time.take() == 10 + 20 + 5 + 10  # not the 65 s
    now[0] = 1000.0
    assert time.take() == 0


def test_news_of_a_write_that_fails_is_told_and_stops_nothing(review, tmp_path):
    review.start(write_images(tmp_path / "images", 1))

    def fails(_result):
        raise ValueError("Data is too large")

    written = []
    review.work.write(lambda project: project.set_setting("one", "1"), done=fails)
    review.work.write(lambda project: project.setting("one"), done=written.append)
    review.qtbot.waitUntil(lambda: bool(written))
    assert written == ["1"]
    assert "Data is too large" in str(review.failures[-1])
