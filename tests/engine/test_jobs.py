"""Ways in which a job can go in a child process, beyond what all engines do (test_engines.py)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_waits import WAIT_S, wait_for

from napari_unet.core.errors import UserError
from napari_unet.core.events import Note, TileDone
from napari_unet.engine import ChildEngine


def flush(engine: ChildEngine) -> None:
    """Wait until the engine has reported everything that it has received."""
    engine.submit("plain", value=0).result(WAIT_S)
    done = threading.Event()
    engine.submit("plain", value=0).listen(on_success=lambda _: done.set())
    assert done.wait(WAIT_S)


def test_callbacks_come_on_one_thread_that_is_not_ours(engine: ChildEngine) -> None:
    threads = []
    for _ in range(2):
        engine.submit("count", total=2).listen(
            on_progress=lambda _: threads.append(threading.current_thread()),
            on_success=lambda _: threads.append(threading.current_thread()),
        )
    flush(engine)
    assert len(threads) == 6
    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()


def test_a_runtime_error_becomes_plain_words_and_a_traceback_in_the_log(
    engine: ChildEngine, ear: Any, tmp_path: Path
) -> None:
    job = engine.submit("fail", source="/images/Kim Minsu.png")
    heard = ear(job)
    with pytest.raises(UserError) as caught:
        job.result(WAIT_S)
    flush(engine)
    assert heard.events == [TileDone(1, 2)]
    assert [how for how, _ in heard.ends] == ["failure"]
    log = tmp_path / "log" / "engine.log"
    assert str(log) in caught.value.remedy
    assert "Kim" not in str(caught.value)
    written = log.read_text()
    assert "engine_handlers.py" in written
    assert "RuntimeError: cannot read <argument>" in written
    assert "Kim" not in written


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("forget", "Memory ran out."),
        ("lack", "missing or broken .no_such_package"),
        ("leave", "SystemExit"),
        ("unsendable", "Something went wrong"),
        ("nonsense", "does not know how"),
    ],
)
def test_failures_say_what_and_have_a_remedy(engine: ChildEngine, kind: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        engine.submit(kind).result(WAIT_S)
    assert caught.value.remedy
    assert engine.submit("plain", value=1).result(WAIT_S) == 1


def test_arguments_that_cannot_be_sent_fail_the_job(engine: ChildEngine) -> None:
    with pytest.raises(UserError):
        engine.submit("plain", value=lambda: 0).result(WAIT_S)
    assert engine.submit("plain", value=1).result(WAIT_S) == 1


def test_a_deaf_job_is_ended_with_its_process(
    make_engine: Callable[..., ChildEngine], ear: Any, tmp_path: Path
) -> None:
    engine = make_engine(grace_s=0.2)
    job = engine.submit("deaf", file=str(tmp_path / "deaf"))
    next_job = engine.submit("state")
    heard = ear(job)
    wait_for(lambda: heard.events and (tmp_path / "deaf").exists())
    job.cancel()
    assert str(next_job.result(WAIT_S)["pid"]) != heard.events[0].text
    flush(engine)
    assert heard.ends == [("cancel", None)]
    assert [type(event) for event in heard.events] == [Note]


def test_cancel_wins_over_a_result_on_the_way(engine: ChildEngine, ear: Any) -> None:
    jobs = [engine.submit("plain", value=0) for _ in range(20)]
    heard = [ear(job) for job in jobs]
    for job in jobs:
        if not job.ended:
            job.cancel()
    flush(engine)
    assert all(len(one.ends) == 1 for one in heard)
    assert heard[-1].ends == [("cancel", None)]


def test_a_listener_may_submit_and_cancel(engine: ChildEngine) -> None:
    done = threading.Event()

    def go_on(_: object) -> None:
        engine.submit("tidy", file="").cancel()
        engine.submit("count", total=1).listen(on_success=lambda _: done.set())

    engine.submit("count", total=1).listen(on_success=go_on)
    assert done.wait(WAIT_S)


def test_many_small_jobs(engine: ChildEngine) -> None:
    jobs = [engine.submit("plain", value=i) for i in range(300)]
    assert [job.result(WAIT_S) for job in jobs] == list(range(300))


def test_close_while_running_cancels_what_has_not_ended(
    make_engine: Callable[..., ChildEngine], ear: Any, tmp_path: Path
) -> None:
    engine = make_engine()
    jobs = [engine.submit("deaf", file=str(tmp_path / "deaf")), engine.submit("count", total=1)]
    heard = [ear(job) for job in jobs]
    wait_for((tmp_path / "deaf").exists)
    start = time.monotonic()
    engine.close()
    assert time.monotonic() - start < 2
    assert [one.ends for one in heard] == [[("cancel", None)]] * 2


def test_a_listener_may_close_the_engine(make_engine: Callable[..., ChildEngine], ear: Any) -> None:
    engine = make_engine()
    closed = threading.Event()

    def close(_: object) -> None:
        engine.close()
        closed.set()

    engine.submit("plain", value=1).listen(on_success=close)
    late = ear(engine.submit("tidy", file=""))
    assert closed.wait(WAIT_S)
    wait_for(lambda: late.ends)
    assert len(late.ends) == 1


def test_two_engines_at_once(make_engine: Callable[..., ChildEngine]) -> None:
    one, two = make_engine(), make_engine(nice=3)
    jobs = [engine.submit("count", total=3, pause_s=0.02) for engine in (one, two, one, two)]
    assert [job.result(WAIT_S) for job in jobs] == [3] * 4
    mine, theirs = one.submit("state").result(WAIT_S), two.submit("state").result(WAIT_S)
    assert mine["pid"] != theirs["pid"]
    assert theirs["nice"] == mine["nice"] + 3
