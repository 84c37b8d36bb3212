"""What every engine does with a job, in whichever process it works: success, failure, cancel, and twice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from engine_waits import WAIT_S, wait_for

from napari_unet.core.errors import UserError
from napari_unet.core.events import TileDone
from napari_unet.core.steps import run
from napari_unet.engine import Engine, JobCancelled, LocalEngine
from napari_unet.engine.handlers import HANDLERS, handler_of


def test_a_job_succeeds(any_engine: Engine, ear: Any) -> None:
    job = any_engine.submit("count", total=3)
    heard = ear(job)
    assert job.result(WAIT_S) == 3
    assert job.ended
    wait_for(lambda: heard.ends)
    assert heard.events == [TileDone(1, 3), TileDone(2, 3), TileDone(3, 3)]
    assert heard.ends == [("success", 3)]
    assert job.result() == 3


def test_a_plain_function_is_a_handler_too(any_engine: Engine) -> None:
    assert any_engine.submit("plain", value="x").result(WAIT_S) == "x"


def test_a_late_listener_hears_everything(any_engine: Engine, ear: Any) -> None:
    job = any_engine.submit("count", total=2)
    job.result(WAIT_S)
    heard = ear(job)
    wait_for(lambda: heard.ends)
    assert heard.events == [TileDone(1, 2), TileDone(2, 2)]
    assert heard.ends == [("success", 2)]


def test_a_user_error_stays_one(any_engine: Engine, ear: Any) -> None:
    job = any_engine.submit("refuse")
    heard = ear(job)
    with pytest.raises(UserError) as caught:
        job.result(WAIT_S)
    assert (caught.value.problem, caught.value.remedy) == ("This is a hand.", "Choose a chest X-ray.")
    wait_for(lambda: heard.ends)
    assert heard.events == [TileDone(1, 2)]
    assert [how for how, _ in heard.ends] == ["failure"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("fail", "Something went wrong unexpectedly .RuntimeError"),
        ("forget", "Memory ran out."),
        ("lack", "missing or broken .no_such_package"),
        ("leave", "SystemExit"),
        ("nonsense", "does not know how"),
    ],
)
def test_failures_say_what_and_have_a_remedy(any_engine: Engine, kind: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        any_engine.submit(kind).result(WAIT_S)
    assert caught.value.remedy
    assert any_engine.submit("plain", value=1).result(WAIT_S) == 1


def test_cancel_is_heard_between_events(any_engine: Engine, tmp_path: Path) -> None:
    job = any_engine.submit("tidy", file=str(tmp_path / "closed"))
    events: list[Any] = []
    ends: list[str] = []

    def stop(event: Any) -> None:
        events.append(event)
        job.cancel()
        job.cancel()

    job.listen(on_progress=stop, on_cancel=lambda: ends.append("cancel"), on_success=ends.append)
    with pytest.raises(JobCancelled):
        job.result(WAIT_S)
    wait_for(lambda: ends)
    assert (tmp_path / "closed").exists()
    assert (len(events), ends) == (1, ["cancel"])
    assert any_engine.submit("plain", value=1).result(WAIT_S) == 1


def test_a_waiting_job_is_cancelled_at_once(any_engine: Engine, ear: Any, tmp_path: Path) -> None:
    first = any_engine.submit("tidy", file=str(tmp_path / "closed"))
    second = any_engine.submit("count", total=1)
    heard = ear(second)
    second.cancel()
    with pytest.raises(JobCancelled):
        second.result(WAIT_S)
    assert not first.ended
    first.cancel()
    wait_for(lambda: heard.ends)
    assert heard.ends == [("cancel", None)]
    assert heard.events == []


def test_cancel_after_the_end_changes_nothing(any_engine: Engine, ear: Any) -> None:
    job = any_engine.submit("count", total=1)
    job.result(WAIT_S)
    job.cancel()
    heard = ear(job)
    wait_for(lambda: heard.ends)
    assert heard.ends == [("success", 1)]
    assert job.result() == 1


def test_started_twice_is_two_jobs_one_after_the_other(any_engine: Engine) -> None:
    order: list[str] = []
    first, second = (any_engine.submit("count", total=3, pause_s=0.01) for _ in range(2))
    for name, job in (("first", first), ("second", second)):
        job.listen(on_progress=lambda _, name=name: order.append(name))
    assert (second.result(WAIT_S), first.result(WAIT_S)) == (3, 3)
    wait_for(lambda: len(order) == 6)
    assert order == ["first"] * 3 + ["second"] * 3


def test_a_listener_that_fails_does_no_harm(any_engine: Engine) -> None:
    job = any_engine.submit("count", total=2)
    job.listen(on_progress=lambda _: 1 / 0, on_success=lambda _: 1 / 0)
    assert job.result(WAIT_S) == 2
    assert any_engine.submit("count", total=2).result(WAIT_S) == 2


def test_words_reach_the_handler(any_engine: Engine) -> None:
    job = any_engine.submit("listen")
    for word in ("pause", "resume", "softer", "stop"):
        job.ask(word)
    assert job.result(WAIT_S) == ["softer", "stop"]


def test_the_events_of_a_job_are_steps(any_engine: Engine) -> None:
    heard: list[Any] = []
    assert run(any_engine.submit("count", total=3).events(), heard.append) == 3
    assert heard == [TileDone(1, 3), TileDone(2, 3), TileDone(3, 3)]
    with pytest.raises(UserError, match="This is a hand"):
        run(any_engine.submit("refuse").events())
    done = any_engine.submit("plain", value=4)
    done.result(WAIT_S)
    assert run(done.events()) == 4


def test_steps_that_are_closed_cancel_the_job(any_engine: Engine, tmp_path: Path) -> None:
    job = any_engine.submit("tidy", file=str(tmp_path / "closed"))

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(job.events(), interrupted)
    assert job.ended
    assert (tmp_path / "closed").exists()
    with pytest.raises(JobCancelled):
        job.result()


def test_close_cancels_what_has_not_ended(any_engine: Engine, ear: Any, tmp_path: Path) -> None:
    jobs = [any_engine.submit("tidy", file=str(tmp_path / "closed")), any_engine.submit("count", total=1)]
    steps = jobs[0].events()
    next(steps)
    heard = ear(jobs[1])
    any_engine.close()
    any_engine.close()
    with pytest.raises(JobCancelled):
        run(steps)
    wait_for(lambda: heard.ends)
    assert heard.ends == [("cancel", None)]


def test_a_closed_engine_refuses_in_plain_words(any_engine: Engine, ear: Any) -> None:
    any_engine.close()
    heard = ear(any_engine.submit("count", total=1))
    wait_for(lambda: heard.ends)
    assert [how for how, _ in heard.ends] == ["failure"]


def test_result_does_not_wait_for_ever(any_engine: Engine, tmp_path: Path) -> None:
    job = any_engine.submit("tidy", file=str(tmp_path / "closed"))
    with pytest.raises(TimeoutError):
        job.result(0.05)
    job.cancel()


# -- in this process --


@pytest.fixture
def local(handlers: dict[str, str]) -> LocalEngine:
    return LocalEngine(handlers=handlers)


def test_it_is_this_process_and_nothing_begins_by_itself(local: LocalEngine, tmp_path: Path) -> None:
    value = object()
    assert local.submit("plain", value=value).result() is value
    assert local.submit("state").result()["pid"] == os.getpid()
    local.submit("tidy", file=str(tmp_path / "closed"))
    local.close()
    assert not (tmp_path / "closed").exists()


def test_a_job_that_has_begun_is_closed_with_the_engine(local: LocalEngine, tmp_path: Path) -> None:
    next(local.submit("tidy", file=str(tmp_path / "closed")).events())
    local.close()
    assert (tmp_path / "closed").exists()


def test_ctrl_c_in_the_work_ends_the_job_and_no_other(
    local: LocalEngine, ear: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import engine_handlers

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine_handlers, "state", interrupted)
    job = local.submit("state")
    heard = ear(job)
    with pytest.raises(KeyboardInterrupt):
        job.result()
    assert heard.ends == [("cancel", None)]
    assert local.submit("plain", value=1).result() == 1


def test_no_torch_before_a_handler_needs_it(run_script: Any) -> None:
    script = (
        "import sys\n"
        "from napari_unet.engine import LocalEngine\n"
        "engine = LocalEngine(threads=1, handlers={'plain': 'engine_handlers:plain'})\n"
        "assert engine.submit('plain', value=1).result() == 1\n"
        "assert 'torch' not in sys.modules\n"
        "engine.warm().result()\n"
        "assert sys.modules['torch'].get_num_threads() == 1\n"
    )
    done = run_script(script)
    assert done.returncode == 0, done.stderr


def test_threads_are_spared_from_the_next_job_on(run_script: Any) -> None:
    script = (
        "import torch\n"
        "from napari_unet.engine import LocalEngine\n"
        "engine = LocalEngine(threads=3, handlers={'plain': 'engine_handlers:plain'})\n"
        "for spared, left in ((0, 3), (1, 2), (7, 1), (0, 3)):\n"
        "    engine.spare_threads(spared)\n"
        "    engine.submit('plain', value=1).result()\n"
        "    assert torch.get_num_threads() == left\n"
    )
    done = run_script(script)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", HANDLERS)
def test_every_handler_is_there(kind: str) -> None:
    assert callable(handler_of(kind, HANDLERS))
