"""The lock file of a project on a share: with processes that really hold it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from napari_unet.core.errors import UserError
from napari_unet.io import processes
from napari_unet.io.processes import Owner, machine, owner_of
from napari_unet.review.leases import Session, is_leased
from napari_unet.review.lock import LOCK_NAME, LockFile

HOLD = """
import sys
from pathlib import Path
from napari_unet.review.lock import LockFile
lock = LockFile(Path(sys.argv[1]))
print("held", flush=True)
input()
lock.release()
print("released", flush=True)
"""
Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Start]:
    """Starts a process that holds the lock until it is sent a line."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", HOLD, str(tmp_path)]
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def held(folder: Path) -> dict[str, Any]:
    words: dict[str, Any] = json.loads((folder / LOCK_NAME).read_text())
    return words


def test_a_second_program_is_refused_until_the_first_is_gone(tmp_path: Path, hold: Start) -> None:
    first = hold()
    with pytest.raises(UserError, match="open in another program") as refused:
        LockFile(tmp_path)
    assert Owner().computer in str(refused.value) and LOCK_NAME in refused.value.remedy
    first.kill()
    first.wait()
    assert (tmp_path / LOCK_NAME).exists()
    lock = LockFile(tmp_path)  # what a killed program left does not matter
    assert held(tmp_path)["process"] == os.getpid()
    lock.release()
    assert os.listdir(tmp_path) == []


def test_the_end_of_one_holder_leaves_the_file_of_another(tmp_path: Path, hold: Start) -> None:
    """Somebody deleted the file, as the remedy says, though it was in use; then another program came."""
    lock = LockFile(tmp_path)
    (tmp_path / LOCK_NAME).unlink()
    other = hold()
    lock.release()
    assert held(tmp_path)["process"] == other.pid
    with pytest.raises(UserError, match="open in another program"):
        LockFile(tmp_path)
    other.communicate("\n")
    assert os.listdir(tmp_path) == []


def test_a_machine_of_the_same_name_is_another(tmp_path: Path, hold: Start) -> None:
    """Its process has a number that nobody has here; it lives all the same."""
    other = hold()
    words = held(tmp_path)
    other.kill()
    other.wait()
    (tmp_path / LOCK_NAME).write_text(json.dumps({**words, "machine": "0123456789abcdef"}))
    with pytest.raises(UserError, match="open in another program"):
        LockFile(tmp_path)
    (tmp_path / LOCK_NAME).write_text(json.dumps({**words, "machine": machine()}))
    LockFile(tmp_path).release()


def test_the_file_of_an_earlier_version_does_not_say_which_machine(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    about = {"computer": Owner().computer, "process": gone.pid, "since": ""}
    (tmp_path / LOCK_NAME).write_text(json.dumps(about))
    with pytest.raises(UserError, match="open in another program"):
        LockFile(tmp_path)


def test_a_number_that_was_given_to_another_process_holds_nothing(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        earlier = replace(Owner(), process=other.pid, started=1e9, after_boot=-1e9)
        (tmp_path / LOCK_NAME).write_text(json.dumps(asdict(earlier)))
        LockFile(tmp_path).release()
        other.communicate(b"\n")


def test_a_clock_that_was_set_takes_no_lock_away(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        started, after_boot = processes._started(other.pid)
        for shifted in ((started + 3600, after_boot), (started, after_boot - 3600)):
            owner = replace(Owner(), process=other.pid, started=shifted[0], after_boot=shifted[1])
            assert not owner.is_over
        other.communicate(b"\n")
    assert owner.is_over


def test_two_programs_that_find_a_dead_holder_do_not_both_get_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one is quicker between the look at the file and its removal."""
    dead = replace(Owner(), process=2**22 + 5, token="dead")
    quick = replace(Owner(), machine="elsewhere", token="quick")
    path = tmp_path / LOCK_NAME
    path.write_text(json.dumps(asdict(dead)))
    rename = os.rename

    def late(source: Path, target: Path) -> None:
        path.write_text(json.dumps(asdict(quick)))
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)
    with pytest.raises(UserError, match="open in another program"):
        LockFile(tmp_path)
    assert held(tmp_path)["token"] == "quick" and os.listdir(tmp_path) == [LOCK_NAME]


@pytest.mark.parametrize("words", [None, [], {}, {"computer": "x"}, {**asdict(Owner()), "process": "many"}])
def test_words_that_name_no_process(words: Any) -> None:
    assert owner_of(words) is None


def test_a_lease_of_a_machine_of_the_same_name_stays() -> None:
    """Its process has a number that nobody has here."""
    here = Session(process=2**22 + 5)
    time = datetime.now(UTC)

    def row(session: str) -> Any:
        return SimpleNamespace(**(here.lease("Ann", time) | {"lease_session": session}))

    assert len(here.id) <= 32
    assert not is_leased(row(here.id), time)
    assert is_leased(row("012345678." + here.id[10:]), time)
