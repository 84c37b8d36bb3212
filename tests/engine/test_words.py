"""What a job does with the messages it is sent while it runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_waits import WAIT_S, wait_for

from napari_unet.core.errors import UserError
from napari_unet.core.events import TileDone
from napari_unet.engine import ChildEngine, JobCancelled


def hold(heard: Any) -> int:
    """Wait until no more events come; the number of those that came."""
    while True:
        told = len(heard.events)
        time.sleep(0.3)
        if len(heard.events) == told:
            return told


def test_pause_holds_and_resume_goes_on(engine: ChildEngine, ear: Any) -> None:
    job = engine.submit("listen")
    heard = ear(job)
    wait_for(lambda: heard.events)
    job.ask("pause")
    told = hold(heard)
    assert not job.ended
    job.ask("resume")
    wait_for(lambda: len(heard.events) > told + 3)
    assert [event.done for event in heard.events] == list(range(1, len(heard.events) + 1))
    job.ask("stop")
    assert job.result(WAIT_S) == ["stop"]


def test_a_word_reaches_the_handler_once(engine: ChildEngine, ear: Any) -> None:
    job = engine.submit("listen")
    heard = ear(job)
    wait_for(lambda: heard.events)
    job.ask("slower")
    job.ask("softer")
    job.ask("stop")
    assert job.result(WAIT_S) == ["slower", "softer", "stop"]


def test_a_word_ends_a_pause(engine: ChildEngine, ear: Any) -> None:
    job = engine.submit("listen")
    heard = ear(job)
    wait_for(lambda: heard.events)
    job.ask("pause")
    hold(heard)
    job.ask("stop")
    assert job.result(WAIT_S) == ["stop"]


def test_what_was_told_before_the_start_counts(engine: ChildEngine, ear: Any, tmp_path: Path) -> None:
    first = engine.submit("tidy", file=str(tmp_path / "closed"))
    stopped, paused = engine.submit("listen"), engine.submit("listen")
    heard = ear(paused)
    stopped.ask("stop")
    paused.ask("pause")
    first.cancel()
    assert stopped.result(WAIT_S) == ["stop"]
    wait_for(lambda: heard.events)
    assert hold(heard) == 1
    paused.ask("stop")
    assert paused.result(WAIT_S) == ["stop"]


def test_words_after_the_end_reach_nobody(engine: ChildEngine) -> None:
    job = engine.submit("listen", total=1)
    assert job.result(WAIT_S) == []
    job.ask("stop")
    job.ask("pause")
    assert engine.submit("listen", total=3).result(WAIT_S) == []


def test_words_for_one_job_do_not_reach_the_next(engine: ChildEngine) -> None:
    jobs = [engine.submit("listen", total=2, pause_s=0) for _ in range(20)]
    for job in jobs[:-1]:
        job.ask("resume")
        job.ask("pause")
        job.ask("resume")
        job.ask("word")
    assert jobs[-1].result(WAIT_S) == []


def test_a_handler_without_ears_goes_on(engine: ChildEngine, ear: Any) -> None:
    job = engine.submit("count", total=40, pause_s=0.005)
    heard = ear(job)
    wait_for(lambda: heard.events)
    job.ask("stop")
    assert job.result(WAIT_S) == 40
    plain = engine.submit("plain", value=1)
    plain.ask("stop")
    assert plain.result(WAIT_S) == 1


def test_cancel_works_while_paused(engine: ChildEngine, ear: Any, tmp_path: Path) -> None:
    before = engine.submit("state").result(WAIT_S)["pid"]
    job = engine.submit("tidy", file=str(tmp_path / "closed"))
    heard = ear(job)
    wait_for(lambda: heard.events)
    job.ask("pause")
    hold(heard)
    job.cancel()
    with pytest.raises(JobCancelled):
        job.result(WAIT_S)
    assert (tmp_path / "closed").exists()
    assert engine.submit("state").result(WAIT_S)["pid"] == before


def test_a_paused_job_that_is_killed_fails_and_the_next_one_runs(engine: ChildEngine, ear: Any) -> None:
    job = engine.submit("listen_and_tell")
    heard = ear(job)
    wait_for(lambda: heard.events)
    job.ask("pause")
    hold(heard)
    os.kill(int(heard.events[0].text), signal.SIGKILL)
    with pytest.raises(UserError, match="was killed"):
        job.result(WAIT_S)
    assert engine.submit("listen", total=2).result(WAIT_S) == []


def test_closing_the_engine_ends_a_paused_job(make_engine: Callable[..., ChildEngine], ear: Any) -> None:
    engine = make_engine()
    job = engine.submit("listen_and_tell")
    heard = ear(job)
    wait_for(lambda: heard.events)
    job.ask("pause")
    hold(heard)
    pid = int(heard.events[0].text)
    start = time.monotonic()
    engine.close()
    assert time.monotonic() - start < 2
    assert heard.ends == [("cancel", None)]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_started_twice_a_pause_holds_the_first_and_the_second_waits(engine: ChildEngine, ear: Any) -> None:
    first, second = engine.submit("listen", total=60), engine.submit("listen", total=1)
    heard = ear(first)
    wait_for(lambda: heard.events)
    first.ask("pause")
    hold(heard)
    assert not second.ended
    first.ask("resume")
    assert first.result(WAIT_S) == []
    assert second.result(WAIT_S) == []
    assert heard.events[-1] == TileDone(60, 60)
