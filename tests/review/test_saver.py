"""The saver, on a disk that works: order, what is skipped, and what the window is told."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from saver_rooms import ANN, SHAPE, Room, until

from napari_unet.core.change import Change
from napari_unet.core.errors import UserError
from napari_unet.review.saving import saver as saver_module
from napari_unet.review.saving.save_state import Saved, Saving, Unsaved
from napari_unet.review.types import Reason, Status


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.saver.close(20)
    room.project.close()


def test_a_case_that_is_only_looked_at_writes_nothing(room):
    room.saver.close_case(room.open())
    assert room.saver.flush(20)
    assert room.journals() == []


def test_strokes_are_found_again_before_any_mask_was_saved(room):
    id_ = room.open()
    for _ in range(5):
        mask = room.paint(id_)
    assert room.saver.flush(20)
    assert room.head(id_) is None
    np.testing.assert_array_equal(room.unsaved(id_), mask)


def test_a_saved_mask_is_a_revision_and_nothing_is_unsaved(room):
    id_ = room.open()
    mask = room.paint(id_)
    room.save(id_)
    assert room.saver.flush(20)
    (revision,) = room.project.revisions(id_)
    assert (revision.author, revision.note) == (ANN, "strokes")
    np.testing.assert_array_equal(room.head(id_), mask)
    assert room.unsaved(id_) is None


def test_strokes_after_the_mask_was_taken_are_still_unsaved(room):
    id_ = room.open()
    room.paint(id_)
    room.save(id_)
    mask = room.paint(id_)  # while the one before is being saved
    assert room.saver.flush(20)
    np.testing.assert_array_equal(room.unsaved(id_), mask)


def test_a_closed_case_leaves_no_journal_once_it_is_saved(room):
    id_ = room.open()
    room.paint(id_)
    room.save(id_)
    room.saver.close_case(id_)
    assert room.saver.flush(20)
    assert room.journals() == []


def test_a_closed_case_that_was_not_saved_keeps_its_journal(room):
    id_ = room.open()
    mask = room.paint(id_)
    room.saver.close_case(id_)
    assert room.saver.flush(20)
    assert room.journals() == ["strokes"]
    np.testing.assert_array_equal(room.unsaved(id_), mask)


def test_a_case_opened_again_while_it_is_being_saved_loses_nothing(room):
    id_ = room.open()
    held, go = threading.Event(), threading.Event()
    room.saver.do(lambda project: (held.set(), go.wait(20)))
    held.wait(20)
    room.paint(id_)
    room.save(id_)
    room.saver.close_case(id_)
    room.saver.open_case(id_, None, room.masks[id_].copy())
    mask = room.paint(id_)
    go.set()
    assert room.saver.flush(20)
    np.testing.assert_array_equal(room.unsaved(id_), mask)
    room.save(id_)
    room.saver.close_case(id_)
    assert room.saver.flush(20)
    np.testing.assert_array_equal(room.head(id_), mask)
    assert room.journals() == []


def test_a_case_opened_again_while_its_journal_is_being_closed_loses_nothing(room, monkeypatch):
    """Whatever the closing of the first time finds and deletes, the strokes of the second time stay."""
    id_ = room.open()
    room.paint(id_)
    found = saver_module.needless
    again: list[np.ndarray] = []

    def slow(*arguments):
        result = found(*arguments)
        if not again:
            room.saver.open_case(id_, None, room.masks[id_].copy())
            again.append(room.paint(id_))
            until(lambda: np.array_equal(room.unsaved(id_), again[0]))
        return result

    monkeypatch.setattr(saver_module, "needless", slow)
    room.save(id_)
    room.saver.close_case(id_)
    assert room.saver.flush(20)
    later = room.paint(id_)
    assert room.saver.flush(20)
    np.testing.assert_array_equal(room.unsaved(id_), later)


def test_an_unchanged_mask_and_an_empty_first_one_make_no_revision(room):
    id_ = room.open()
    room.save(id_)
    mask = room.paint(id_)
    room.save(id_)
    room.saver.do(lambda project: None)  # so that the next is not taken for the same
    room.save(id_)
    room.paint(id_, np.zeros(SHAPE, np.uint8))
    room.paint(id_, mask)
    room.save(id_)
    assert room.saver.flush(20)
    assert len(room.project.revisions(id_)) == 1
    assert room.unsaved(id_) is None


def test_writes_happen_in_the_order_they_were_asked_for(room):
    id_ = room.open()
    for number in range(10):
        room.saver.do(lambda project, n=number: project.set_note(id_, f"note {n}", "Ann"))
    room.paint(id_)
    room.save(id_)
    room.saver.do(lambda project: project.decide(id_, Status.ACCEPTED, "Ann"))
    assert room.saver.flush(20)
    kinds = [(event.kind, event.details.get("note")) for event in room.project.events(id_)]
    assert [kind for kind, _ in kinds][-2:] == ["mask", "decided"]
    assert room.project.case(id_).note == "note 9"
    assert room.project.case(id_).status == Status.CORRECTED


def test_masks_that_wait_behind_each_other_become_one_revision(room):
    id_ = room.open()
    held, go = threading.Event(), threading.Event()
    room.saver.do(lambda project: (held.set(), go.wait(20)))
    held.wait(20)
    for _ in range(4):
        mask = room.paint(id_)
        room.save(id_)
    go.set()
    assert room.saver.flush(20)
    assert len(room.project.revisions(id_)) == 1
    np.testing.assert_array_equal(room.head(id_), mask)


def test_a_stroke_is_on_the_disk_while_a_mask_takes_long(room):
    id_ = room.open()
    held, go = threading.Event(), threading.Event()
    room.saver.do(lambda project: (held.set(), go.wait(20)))
    held.wait(20)
    mask = room.paint(id_)
    until(lambda: room.unsaved(id_) is not None)
    np.testing.assert_array_equal(room.unsaved(id_), mask)
    go.set()


def test_results_and_refusals_are_told(room):
    told: list[object] = []
    room.saver.do(lambda project: project.case(room.ids[0]).number, done=told.append)
    room.saver.do(
        lambda project: project.decide(room.ids[0], Status.ACCEPTED, "Ann"), told.append, told.append
    )
    room.saver.do(
        lambda project: project.decide(room.ids[1], Status.REJECTED, "Ann", Reason.ROTATED), told.append
    )
    assert room.saver.flush(20)
    assert told[0] == 1
    assert isinstance(told[1], UserError)  # no lung in its mask; it is not tried for ever
    assert told[2].status == Status.REJECTED
    assert room.is_saved()


def test_a_bug_in_a_write_or_a_listener_stops_nothing_and_names_no_file(room, caplog):
    told: list[UserError] = []
    name = "^".join(["/data/Meier", "Anna.dcm"])

    def buggy(project: object) -> None:
        raise RuntimeError(name)

    def bad_listener(result: object) -> None:
        raise RuntimeError(name)

    with caplog.at_level(logging.DEBUG):
        room.saver.do(buggy, failed=told.append)
        room.saver.do(lambda project: 1, done=bad_listener)
        room.saver.do(lambda project: project.set_note(room.ids[0], "after", "Ann"))
        assert room.saver.flush(20)
    assert room.project.case(room.ids[0]).note == "after"
    assert "log" in told[0].remedy
    assert "RuntimeError" in caplog.text and name not in caplog.text


def test_a_refused_mask_stays_in_the_journal_and_the_window_is_told(room):
    id_ = room.open()
    mask = room.paint(id_)
    room.saver.save(id_, np.zeros((3, 3), np.uint8) + 1, ANN)  # not the image's size
    assert room.saver.flush(20)
    assert isinstance(room.states[-1], Unsaved)
    room.saver.close_case(id_)
    assert room.saver.flush(20)
    np.testing.assert_array_equal(room.unsaved(id_), mask)
    room.save(id_)
    assert room.saver.flush(20)
    assert room.is_saved()


def test_a_stroke_for_a_case_that_is_not_open_is_refused_at_once(room):
    change = Change(SHAPE, np.array([1]), np.array([1], np.uint8))
    with pytest.raises(ValueError, match="not open"):
        room.saver.stroke(room.ids[0], change)
    id_ = room.open()
    with pytest.raises(ValueError, match="shape"):
        room.saver.stroke(id_, Change((2, 2), np.array([1]), np.array([1], np.uint8)))
    room.saver.close_case(id_)
    with pytest.raises(ValueError, match="not open"):
        room.saver.stroke(id_, change)


def test_the_window_hears_saving_and_saved_in_utc_on_the_savers_threads(room):
    threads: list[str] = []
    room.saver._on_state = lambda state: (
        room.states.append(state),
        threads.append(threading.current_thread().name),
    )
    id_ = room.open()
    room.paint(id_)
    room.save(id_)
    assert room.saver.flush(20)
    until(room.is_saved)
    assert any(isinstance(state, Saving) for state in room.states)
    assert isinstance(room.states[-1], Saved)
    assert room.states[-1].at.utcoffset().total_seconds() == 0
    assert set(threads) <= {"napari-unet strokes", "napari-unet saver"}


def test_a_clock_that_goes_backwards_disorders_nothing(room, monkeypatch):
    """Days pass between the strokes, in the wrong direction: journals and revisions go by number."""
    moments = count(datetime(2026, 1, 1, tzinfo=UTC).timestamp(), -1e6)
    for module in ("revisions", "decisions", "trail"):
        monkeypatch.setattr(
            f"napari_unet.review.{module}.now", lambda: datetime.fromtimestamp(next(moments), UTC)
        )
    monkeypatch.setattr(time, "time", lambda: next(moments))
    id_ = room.open()
    masks = []
    for _ in range(3):
        masks.append(room.paint(id_))
        room.save(id_)
        assert room.saver.flush(20)
    last = room.paint(id_)
    room.vanish()
    np.testing.assert_array_equal(room.unsaved(id_), last)
    found = [room.project.read_mask(revision.id) for revision in room.project.revisions(id_)]
    np.testing.assert_array_equal(found, masks)
    numbers = [event.number for event in room.project.events()]
    assert numbers == sorted(numbers)
