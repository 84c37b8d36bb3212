"""Every way in which a job can go."""

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
from napari_unet.engine import Engine, JobCancelled


def flush(engine: Engine) -> None:
    """Wait until the engine has told everything that it has heard."""
    engine.submit("plain", value=0).result(WAIT_S)
    done = threading.Event()
    engine.submit("plain", value=0).listen(on_success=lambda _: done.set())
    assert done.wait(WAIT_S)


def test_a_job_succeeds(engine: Engine, ear: Any) -> None:
    job = engine.submit("count", total=3)
    heard = ear(job)
    assert job.result(WAIT_S) == 3
    assert job.ended
    flush(engine)
    assert heard.events == [TileDone(1, 3), TileDone(2, 3), TileDone(3, 3)]
    assert heard.ends == [("success", 3)]


def test_a_plain_function_is_a_handler_too(engine: Engine) -> None:
    assert engine.submit("plain", value="x").result(WAIT_S) == "x"


def test_a_late_listener_hears_everything(engine: Engine, ear: Any) -> None:
    job = engine.submit("count", total=2)
    job.result(WAIT_S)
    heard = ear(job)
    flush(engine)
    assert heard.events == [TileDone(1, 2), TileDone(2, 2)]
    assert heard.ends == [("success", 2)]


def test_callbacks_come_on_one_thread_that_is_not_ours(engine: Engine) -> None:
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
    engine: Engine, ear: Any, tmp_path: Path
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


def test_a_user_error_stays_one(engine: Engine) -> None:
    with pytest.raises(UserError) as caught:
        engine.submit("refuse").result(WAIT_S)
    assert (caught.value.problem, caught.value.remedy) == ("This is a hand.", "Choose a chest X-ray.")


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
def test_failures_say_what_and_have_a_remedy(engine: Engine, kind: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        engine.submit(kind).result(WAIT_S)
    assert caught.value.remedy
    assert engine.submit("plain", value=1).result(WAIT_S) == 1


def test_arguments_that_cannot_be_sent_fail_the_job(engine: Engine) -> None:
    with pytest.raises(UserError):
        engine.submit("plain", value=lambda: 0).result(WAIT_S)
    assert engine.submit("plain", value=1).result(WAIT_S) == 1


def test_cancel_is_heard_between_events(engine: Engine, ear: Any, tmp_path: Path) -> None:
    before = engine.submit("state").result(WAIT_S)["pid"]
    job = engine.submit("tidy", file=str(tmp_path / "closed"))
    heard = ear(job)
    wait_for(lambda: heard.events)
    job.cancel()
    job.cancel()
    with pytest.raises(JobCancelled):
        job.result(WAIT_S)
    assert (tmp_path / "closed").exists()
    told = len(heard.events)
    assert engine.submit("state").result(WAIT_S)["pid"] == before
    flush(engine)
    assert heard.ends == [("cancel", None)]
    assert len(heard.events) == told


def test_a_deaf_job_is_ended_with_its_process(
    make_engine: Callable[..., Engine], ear: Any, tmp_path: Path
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


def test_a_waiting_job_is_cancelled_at_once(engine: Engine, ear: Any, tmp_path: Path) -> None:
    first = engine.submit("tidy", file=str(tmp_path / "closed"))
    second = engine.submit("count", total=1)
    heard = ear(second)
    second.cancel()
    with pytest.raises(JobCancelled):
        second.result(WAIT_S)
    assert not first.ended
    first.cancel()
    flush(engine)
    assert heard.ends == [("cancel", None)]
    assert heard.events == []


def test_cancel_after_the_end_changes_nothing(engine: Engine, ear: Any) -> None:
    job = engine.submit("count", total=1)
    job.result(WAIT_S)
    job.cancel()
    heard = ear(job)
    flush(engine)
    assert heard.ends == [("success", 1)]
    assert job.result() == 1


def test_cancel_wins_over_a_result_on_the_way(engine: Engine, ear: Any) -> None:
    jobs = [engine.submit("plain", value=0) for _ in range(20)]
    heard = [ear(job) for job in jobs]
    for job in jobs:
        if not job.ended:
            job.cancel()
    flush(engine)
    assert all(len(one.ends) == 1 for one in heard)
    assert heard[-1].ends == [("cancel", None)]


def test_started_twice_is_two_jobs_one_after_the_other(engine: Engine, ear: Any) -> None:
    order: list[str] = []
    first, second = (engine.submit("count", total=3, pause_s=0.01) for _ in range(2))
    for name, job in (("first", first), ("second", second)):
        job.listen(on_progress=lambda _, name=name: order.append(name))
    assert (first.result(WAIT_S), second.result(WAIT_S)) == (3, 3)
    flush(engine)
    assert order == ["first"] * 3 + ["second"] * 3


def test_a_listener_that_fails_does_no_harm(engine: Engine) -> None:
    job = engine.submit("count", total=2)
    job.listen(on_progress=lambda _: 1 / 0, on_success=lambda _: 1 / 0)
    assert job.result(WAIT_S) == 2
    assert engine.submit("count", total=2).result(WAIT_S) == 2


def test_a_listener_may_submit_and_cancel(engine: Engine) -> None:
    done = threading.Event()

    def go_on(_: object) -> None:
        engine.submit("tidy", file="").cancel()
        engine.submit("count", total=1).listen(on_success=lambda _: done.set())

    engine.submit("count", total=1).listen(on_success=go_on)
    assert done.wait(WAIT_S)


def test_many_small_jobs(engine: Engine) -> None:
    jobs = [engine.submit("plain", value=i) for i in range(300)]
    assert [job.result(WAIT_S) for job in jobs] == list(range(300))


def test_close_while_running_cancels_what_has_not_ended(
    make_engine: Callable[..., Engine], ear: Any, tmp_path: Path
) -> None:
    engine = make_engine()
    jobs = [engine.submit("deaf", file=str(tmp_path / "deaf")), engine.submit("count", total=1)]
    heard = [ear(job) for job in jobs]
    wait_for((tmp_path / "deaf").exists)
    start = time.monotonic()
    engine.close()
    assert time.monotonic() - start < 2
    assert [one.ends for one in heard] == [[("cancel", None)]] * 2


def test_a_closed_engine_refuses_in_plain_words(make_engine: Callable[..., Engine], ear: Any) -> None:
    engine = make_engine()
    engine.close()
    engine.close()
    heard = ear(engine.submit("count", total=1))
    assert [how for how, _ in heard.ends] == ["failure"]


def test_a_listener_may_close_the_engine(make_engine: Callable[..., Engine], ear: Any) -> None:
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


def test_two_engines_at_once(make_engine: Callable[..., Engine]) -> None:
    one, two = make_engine(), make_engine(nice=3)
    jobs = [engine.submit("count", total=3, pause_s=0.02) for engine in (one, two, one, two)]
    assert [job.result(WAIT_S) for job in jobs] == [3] * 4
    mine, theirs = one.submit("state").result(WAIT_S), two.submit("state").result(WAIT_S)
    assert mine["pid"] != theirs["pid"]
    assert theirs["nice"] == mine["nice"] + 3


def test_result_does_not_wait_for_ever(engine: Engine, tmp_path: Path) -> None:
    job = engine.submit("tidy", file=str(tmp_path / "closed"))
    with pytest.raises(TimeoutError):
        job.result(0.01)
