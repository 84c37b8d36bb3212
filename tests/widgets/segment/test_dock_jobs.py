"""A job ends exactly once, whatever happens, and is heard on the GUI thread."""

from __future__ import annotations

import threading

import pytest
from dock_fakes import fake_engine
from qtpy.QtCore import QObject, QThread

from napari_unet.core.errors import UserError
from napari_unet.widgets.common import jobs
from napari_unet.widgets.common.jobs import run_in_thread, run_on_engine


@pytest.fixture
def heard(qapp):
    """What a job reported, in order, each on the GUI thread."""

    class Heard(list):
        def follow(self, job):
            def note(name):
                def hear(*payload):
                    assert QThread.currentThread() is qapp.thread()
                    self.append((name, *payload))

                return hear

            for name in ("progressed", "succeeded", "failed", "cancelled", "ended"):
                getattr(job, name).connect(note(name))
            return job

    return Heard()


def names(heard) -> list[str]:
    return [entry[0] for entry in heard]


def wait_for_end(qtbot, heard) -> None:
    qtbot.waitUntil(lambda: "ended" in names(heard))
    qtbot.wait(30)
    assert not jobs._running


def test_success(heard, qtbot):
    heard.follow(run_in_thread(lambda: 7))
    wait_for_end(qtbot, heard)
    assert heard == [("succeeded", 7), ("ended",)]


def test_user_error(heard, qtbot):
    def fail():
        raise UserError("No.", "Try yes.")

    heard.follow(run_in_thread(fail))
    wait_for_end(qtbot, heard)
    assert names(heard) == ["failed", "ended"]
    assert str(heard[0][1]) == "No. Try yes."


@pytest.mark.parametrize("error", [RuntimeError("boom"), ValueError(), MemoryError(), StopIteration()])
def test_any_other_error_is_told_as_a_user_error(heard, qtbot, error):
    def fail():
        raise error

    heard.follow(run_in_thread(fail))
    wait_for_end(qtbot, heard)
    assert names(heard) == ["failed", "ended"]
    assert isinstance(heard[0][1], UserError) and "went wrong" in str(heard[0][1])


def test_cancel(heard, qtbot):
    go = threading.Event()
    job = heard.follow(run_in_thread(lambda: go.wait(5)))
    job.cancel()
    job.cancel()
    go.set()
    wait_for_end(qtbot, heard)
    assert names(heard) == ["cancelled", "ended"]


def test_cancel_after_the_end_does_nothing(heard, qtbot):
    job = heard.follow(run_in_thread(lambda: 7))
    wait_for_end(qtbot, heard)
    job.cancel()
    qtbot.wait(30)
    assert names(heard) == ["succeeded", "ended"]


def test_an_abandoned_job_says_nothing(heard, qtbot):
    go = threading.Event()
    job = heard.follow(run_in_thread(lambda: go.wait(5)))
    job.abandon()
    go.set()
    qtbot.waitUntil(lambda: not jobs._running)
    assert heard == []


def test_a_job_is_abandoned_with_its_owner(heard, qtbot):
    go, owner = threading.Event(), QObject()
    heard.follow(run_in_thread(lambda: go.wait(5), owner))
    owner.deleteLater()
    del owner
    qtbot.wait(20)
    go.set()
    qtbot.waitUntil(lambda: not jobs._running)
    assert heard == []


def test_engine_job(heard, qtbot):
    engine = fake_engine()
    heard.follow(run_on_engine(engine, "segment", lambda: {"x": 3}, lambda result: result + 1))
    qtbot.waitUntil(lambda: bool(engine.jobs))
    assert engine.jobs[0].arguments == {"x": 3}
    engine.jobs[0].tell("half")
    engine.jobs[0].end(10)
    wait_for_end(qtbot, heard)
    assert heard == [("progressed", "half"), ("succeeded", 11), ("ended",)]


def test_cancel_before_the_request_is_made(heard, qtbot):
    engine, go = fake_engine(), threading.Event()
    job = heard.follow(run_on_engine(engine, "segment", lambda: {"x": go.wait(5)}))
    job.cancel()
    go.set()
    wait_for_end(qtbot, heard)
    assert names(heard) == ["cancelled", "ended"]
    assert not engine.jobs


def test_cancel_while_the_engine_works(heard, qtbot):
    engine = fake_engine()
    job = heard.follow(run_on_engine(engine, "segment"))
    qtbot.waitUntil(lambda: bool(engine.jobs))
    job.cancel()
    wait_for_end(qtbot, heard)
    assert engine.jobs[0].cancelled
    assert names(heard) == ["cancelled", "ended"]


def test_what_is_made_of_a_result_may_fail(heard, qtbot):
    engine = fake_engine()
    heard.follow(run_on_engine(engine, "segment", finish=lambda result: 1 / 0))
    qtbot.waitUntil(lambda: bool(engine.jobs))
    engine.jobs[0].end(10)
    wait_for_end(qtbot, heard)
    assert names(heard) == ["failed", "ended"]
