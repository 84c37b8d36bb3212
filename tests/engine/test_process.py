"""The two processes: how they start, and what happens when either of them ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from napari_unet.core.errors import UserError
from napari_unet.engine import ChildEngine

WAIT_S = 30
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals")


def test_the_child_starts_quickly_and_light(engine: ChildEngine) -> None:
    start = time.monotonic()
    state = engine.submit("state").result(WAIT_S)
    assert time.monotonic() - start < 5  # 0.2 s on an idle machine
    assert not state["torch"]
    assert state["main"] == "napari_unet.engine.server"


def test_what_a_handler_prints_does_not_disturb_the_messages(engine: ChildEngine) -> None:
    assert engine.submit("chatter").result(WAIT_S) == ""
    assert engine.submit("plain", value=1).result(WAIT_S) == 1


@posix
@pytest.mark.parametrize("how", ["SIGKILL", "SIGSEGV"])
def test_a_child_that_dies_fails_its_job_and_is_replaced(engine: ChildEngine, ear: Any, how: str) -> None:
    before = engine.submit("state").result(WAIT_S)["pid"]
    job, after = engine.submit("die", how=int(getattr(signal, how))), engine.submit("state")
    heard = ear(job)
    with pytest.raises(UserError, match="in the middle of the work") as caught:
        job.result(WAIT_S)
    assert caught.value.remedy
    assert after.result(WAIT_S)["pid"] != before
    assert [how for how, _ in heard.ends] == ["failure"]


@posix
def test_a_crash_leaves_its_stack_in_the_log(engine: ChildEngine, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        engine.submit("die", how=int(signal.SIGSEGV)).result(WAIT_S)
    assert "engine_handlers.py" in (tmp_path / "log" / "engine-crash.log").read_text()


@posix
def test_an_idle_child_that_dies_is_replaced_without_a_word(engine: ChildEngine) -> None:
    before = engine.submit("state").result(WAIT_S)["pid"]
    os.kill(before, signal.SIGKILL)
    assert engine.submit("state").result(WAIT_S)["pid"] != before


def test_a_child_that_does_not_start_fails_each_job(
    make_engine: Callable[..., ChildEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine()
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    for _ in range(2):
        with pytest.raises(UserError) as caught:
            engine.submit("state").result(WAIT_S)
        assert caught.value.remedy


@posix
def test_a_child_that_ends_before_the_work_is_tried_twice(
    make_engine: Callable[..., ChildEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    engine = make_engine()
    with pytest.raises(UserError, match="before the work began"):
        engine.submit("state").result(WAIT_S)


def test_a_log_folder_that_cannot_be_written_is_no_obstacle(
    make_engine: Callable[..., ChildEngine], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    engine = make_engine(log_folder=tmp_path / "file" / "log")
    with pytest.raises(UserError, match="RuntimeError"):
        engine.submit("fail").result(WAIT_S)


ORPHAN = """
import numpy as np
from napari_unet.engine import ChildEngine
engine = ChildEngine(handlers={"deaf": "engine_handlers:deaf", "echo": "engine_handlers:echo"})
big = np.ones(4_000_000)
engine.submit("echo", value=big).result(30)
job = engine.submit("deaf", file=FILE)
job.listen(on_progress=lambda note: print(note.text, flush=True))
for _ in range(3):
    engine.submit("echo", value=big)
job.result()
"""


@posix
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_child_ends_with_its_parent_and_leaves_nothing(
    no_leak: None, environment: dict[str, str], tmp_path: Path, how: signal.Signals
) -> None:
    script = ORPHAN.replace("FILE", repr(str(tmp_path / "deaf")))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen([sys.executable, "-c", script], **pipes) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(how)
        parent.wait(WAIT_S)
        child.wait(5)
        assert parent.stderr.read() == ""


def test_the_parent_needs_neither_torch_nor_qt_while_the_child_has_torch(
    no_leak: None, run_script: Callable[..., Any], no_torch: str
) -> None:
    done = run_script(
        no_torch
        + """
engine = ChildEngine(threads=1, handlers={"threads": "torch:get_num_threads"})
print(engine.warm().result(100))
print([device.name for device in engine.submit("devices").result(100)])
print(engine.submit("threads").result(100))
"""
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["None", "['cuda', 'mps', 'cpu']", "1"]


def test_a_script_without_a_main_guard_is_not_run_again(
    no_leak: None, run_script: Callable[..., Any], tmp_path: Path
) -> None:
    script = tmp_path / "no guard.py"
    script.write_text(
        "print('once')\n"
        "from napari_unet.engine import ChildEngine\n"
        "engine = ChildEngine(handlers={'plain': 'engine_handlers:plain'})\n"
        "print(engine.submit('plain', value=bytes(10 ** 6)).result(30) == bytes(10 ** 6))\n"
    )
    done = run_script(str(script), "-W", "error")  # and without close(): that is done at exit
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["once", "True"]
