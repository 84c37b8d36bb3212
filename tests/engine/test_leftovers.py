"""Shared memory after window and engine were killed together: gone at the next start, and only that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from engine_waits import segments

from napari_unet.engine import ChildEngine, leftovers
from napari_unet.engine.leftovers import Claim, sweep

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems free it, or do not list it")

# Sends 32 MB to a child that is held, so that they wait in shared memory; prints the child's number.
BUSY = """
import os, signal, sys, time
import numpy as np
from napari_unet.engine import ChildEngine
engine = ChildEngine(handlers={"plain": "engine_handlers:plain"}, log_folder=sys.argv[1])
engine.submit("plain", value=1).result(60)
child = engine._child._process.pid
os.kill(child, signal.SIGSTOP)
engine.submit("plain", value=np.ones(4_000_000))
while not [name for name in os.listdir("/dev/shm") if name.startswith(engine._child._claim.token)]:
    time.sleep(0.01)
print(child, engine._child._claim.token, flush=True)
time.sleep(600)
"""


@pytest.fixture
def busy(
    environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[], tuple[subprocess.Popen[str], int, str]]]:
    """Processes with memory under way: (process, its child's number, how its segments' names begin)."""
    started: list[tuple[subprocess.Popen[str], int]] = []

    def start() -> tuple[subprocess.Popen[str], int, str]:
        process = subprocess.Popen(
            [sys.executable, "-c", BUSY, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        child, token = process.stdout.readline().split()
        started.append((process, int(child)))
        return process, int(child), token

    yield start
    for process, child in started:
        kill(process, child)
    sweep()


def kill(process: subprocess.Popen[str], child: int) -> None:
    """Both, as the kernel does when memory runs out."""
    for one in (child, process.pid):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    process.wait(30)


def of(token: str) -> set[str]:
    return {name for name in segments() if name.startswith(token)}


def test_what_two_killed_processes_left_is_swept_at_the_next_start(
    make_engine: Callable[..., ChildEngine], busy: Callable[[], tuple[subprocess.Popen[str], int, str]]
) -> None:
    dead, dead_child, gone = busy()
    _, _, living = busy()
    kill(dead, dead_child)
    time.sleep(0.2)
    assert of(gone) and of(living)
    assert make_engine().submit("plain", value=2).result(60) == 2
    assert not of(gone) and not Path(f"/dev/shm/.{gone}.lock").exists()
    assert of(living), "another window is at work"
    assert Path(f"/dev/shm/.{living}.lock").exists()


def test_an_engine_that_ends_leaves_no_lock(make_engine: Callable[..., ChildEngine]) -> None:
    engine = make_engine()
    engine.submit("plain", value=1).result(60)
    assert engine._child is not None
    lock = Path(f"/dev/shm/.{engine._child._claim.token}.lock")
    assert lock.exists()
    engine.close()
    assert not lock.exists()


def test_names_that_are_not_ours_are_let_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_ROOM", tmp_path)
    for name in (
        "psm_12345678",
        "nul-x",
        "nul-0123456789abp",
        "sem.nul-0123456789abp1",
        "nul-0123456789abq1",
    ):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (0, 0))
    before = set(os.listdir(tmp_path))
    assert sweep() == 0
    assert set(os.listdir(tmp_path)) == before


def test_of_an_earlier_version_only_old_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It made no locks; what it makes now may be under way."""
    monkeypatch.setattr(leftovers, "_ROOM", tmp_path)
    new, old = tmp_path / "nul-0123456789abp1", tmp_path / "nul-0123456789acc7"
    for path in (new, old):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    assert sweep() == 1
    assert new.exists() and not old.exists()


def test_a_claim_is_held_against_sweeps_of_its_own_process_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_ROOM", tmp_path)
    claim = Claim()
    segment = tmp_path / f"{claim.token}p1"
    segment.write_bytes(b"x")
    os.utime(segment, (0, 0))
    assert sweep() == 0 and segment.exists()
    claim.end()
    claim.end()
    assert os.listdir(tmp_path) == [segment.name]
    assert sweep() == 1


def test_without_room_for_a_lock_there_is_a_token_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_ROOM", Path("/proc/nowhere"))
    claim = Claim()
    assert claim.token.startswith("nul-")
    claim.end()
    assert sweep() == 0
