"""`watch`: what arrives whole is done once, also when it is started again."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from dicom_files import save_series

from napari_unet.cli import watched_folder
from napari_unet.cli.watched_folder import WatchedFolder
from napari_unet.core.errors import UserError

Run = Callable[..., Result]
Save = Callable[..., Path]


class Clock:
    """In the place of the clock of `watched_folder`."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(watched_folder, "time", made)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir(exist_ok=True)
    return made


def watched(folder: Path, **options: Any) -> WatchedFolder:
    given = {"recursive": False, "anonymous": False, "settle": 10.0} | options
    return WatchedFolder(folder, folder.parent / "out", **given)


def names(looks: WatchedFolder) -> list[str]:
    found = looks.arrived()
    return [] if found is None else [case.name for case in found.cases]


def test_a_file_that_grows_waits_until_it_is_whole(folder: Path, clock: Clock, save: Save) -> None:
    looks = watched(folder)
    whole = save("a.png").read_bytes()
    (folder / "a.png").write_bytes(whole[:200])
    assert names(looks) == [] and looks.waits
    clock.now += 9
    (folder / "a.png").write_bytes(whole)
    assert names(looks) == []
    clock.now += 9
    assert names(looks) == [] and looks.waits
    clock.now += 1
    assert names(looks) == ["a"] and not looks.waits
    clock.now += 100
    assert names(looks) == []


def test_one_that_is_replaced_comes_again_and_others_do_not(
    folder: Path, clock: Clock, save: Save, two_lungs: np.ndarray
) -> None:
    looks = watched(folder, settle=0.0)
    save("a.png"), save("b.png")
    assert names(looks) == ["a", "b"]
    save("b.png", np.roll(two_lungs, 7, axis=0))
    assert names(looks) == ["b"]


def test_a_series_waits_for_its_last_slice(folder: Path, clock: Clock) -> None:
    looks = watched(folder, recursive=True)
    slices = save_series(folder.parent / "made", np.full((6, 16, 20), -1000, np.int16))
    (folder / "thorax").mkdir()
    for file in slices[:4]:
        (folder / "thorax" / file.name).write_bytes(file.read_bytes())
    assert names(looks) == []
    clock.now += 8
    for file in slices[4:]:
        (folder / "thorax" / file.name).write_bytes(file.read_bytes())
    assert names(looks) == []
    clock.now += 4  # the first four are whole by now
    assert names(looks) == []
    clock.now += 10
    found = looks.arrived()
    assert found is not None and [len(case.source.files) for case in found.cases] == [6]


def test_hidden_files_sub_folders_and_results_are_left_alone(folder: Path, clock: Clock, save: Save) -> None:
    looks = WatchedFolder(folder, folder / "out", True, False, 0.0)
    (folder / "out").mkdir()
    (folder / "out" / "a_mask.png").write_bytes(save("a.png").read_bytes())
    (folder / ".a.png.part").write_bytes(b"half")
    assert names(looks) == ["a"] and not looks.waits
    (folder / "below").mkdir()
    (folder / "below" / "b.png").write_bytes((folder / "a.png").read_bytes())
    assert names(looks) == ["b"]
    assert names(watched(folder, settle=0.0)) == ["a"]


def test_a_folder_that_is_gone_is_told(folder: Path, clock: Clock) -> None:
    looks = watched(folder)
    folder.rmdir()
    with pytest.raises(UserError, match="is gone"):
        looks.arrived()


# -- the command --


def rows(out: Path) -> list[str]:
    with (out / "report.csv").open(newline="") as file:
        return [row["case"] for row in csv.DictReader(file)]


def watch(run: Run, folder: Path, *more: object) -> Result:
    asked = ("-o", folder.parent / "out", "--settle", 0, "--idle", 0.2, *more)
    return run("watch", folder, *asked)


def test_what_arrives_meanwhile_is_done_once(
    run: Run, folder: Path, seen: list[str], save: Save, two_lungs: np.ndarray
) -> None:
    save("a.png")

    def later() -> None:
        time.sleep(0.5)
        save("b.png", np.roll(two_lungs, 3, axis=0))

    thread = threading.Thread(target=later)
    thread.start()
    done = watch(run, folder, "--idle", 3)
    thread.join()
    assert done.exit_code == 0, done.output
    assert seen == ["a", "b"] and rows(folder.parent / "out") == ["a", "b"]
    seen.clear()
    again = watch(run, folder)
    assert again.exit_code == 0 and seen == []
    assert rows(folder.parent / "out") == ["a", "b"]  # all of them, also what an earlier run made


def test_a_file_that_cannot_be_used_is_named_and_the_rest_goes_on(
    run: Run, folder: Path, seen: list[str], save: Save
) -> None:
    save("a.png"), save("flat.png", np.zeros((40, 60), np.uint8))
    done = watch(run, folder, "--json")
    assert done.exit_code == 1 and "flat" in done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert {line["case"]: bool(line["error"]) for line in lines} == {"a": False, "flat": True}


@pytest.mark.parametrize("wrong", ["no folder", "into itself"])
def test_folders_that_cannot_be_watched(run: Run, folder: Path, seen: list[str], wrong: str) -> None:
    if wrong == "no folder":
        done = run("watch", folder / "nowhere", "-o", folder.parent / "out")
        assert "is not a folder" in str(done.exception)
    else:
        done = run("watch", folder, "-o", folder)
        assert "cannot go into the folder" in str(done.exception)
    assert done.exit_code == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_process_that_is_stopped_and_started_again(folder: Path, save: Save, tmp_path: Path) -> None:
    """The real program and the shipped model: Ctrl+C after the first mask, then the rest."""
    from napari_unet.io.formats import read_mask
    from napari_unet.resources_path import resource

    sample = next(iter(sorted(resource("samples").glob("*.png"))))
    (folder / "one.png").write_bytes(sample.read_bytes())
    out = tmp_path / "out"
    program = "from napari_unet.cli.main import main; main()"
    asked = ["watch", str(folder), "-o", str(out), "--settle", "0", "--device", "cpu"]
    command = [sys.executable, "-c", program, *asked]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 300
    while not (out / "one_mask.png").is_file() and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(1)  # for the record, and the report
    first.send_signal(signal.SIGINT)
    assert first.wait(timeout=60) == 130
    made = os.stat(out / "one_mask.png").st_mtime_ns
    (folder / "two.png").write_bytes(sample.read_bytes())
    done = subprocess.run([*command, "--idle", "0.5"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert os.stat(out / "one_mask.png").st_mtime_ns == made
    assert (read_mask(out / "two_mask.png") == read_mask(out / "one_mask.png")).all()
    assert rows(out) == ["one", "two"]
