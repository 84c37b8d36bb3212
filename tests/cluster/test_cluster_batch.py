"""`segment` and `review add` on two workers: the same as in one process."""

from __future__ import annotations

import csv
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from cluster_processes import Processes, Run, ended, rows, segmented, until
from PIL import Image

from napari_unet.cluster import workplace
from napari_unet.review.store import ReviewProject


def table(out: Path) -> list[dict[str, str]]:
    with (out / "report.csv").open(newline="", encoding="utf-8") as file:
        return [
            {name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)
        ]


@pytest.fixture
def mixed(images: Path) -> Path:
    """Eight that can be segmented, one that is empty, and one that is no image."""
    Image.fromarray(np.zeros((40, 60), np.uint8)).save(images / "Lee.png")
    (images / "Park.png").write_bytes(b"no image")
    return images


@pytest.mark.parametrize("by_name", [True, False], ids=["by name", "by value"])
def test_files_and_table_are_those_of_one_process(
    run: Run, shared: Processes, mixed: Path, tmp_path: Path, by_name: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not by_name:
        monkeypatch.setattr(workplace, "is_shared", lambda *_: False)
    here, there = tmp_path / "here", tmp_path / "there"
    options = ("--overlay", "--probability")
    assert run("segment", mixed, "-o", here, *options).exit_code == 1
    done = run("segment", mixed, "-o", there, "--cluster", shared.address, *options)
    assert done.exit_code == 1 and "8 of 10 segmented" in done.output, done.output
    assert table(there) == table(here)
    assert "This image is empty." in rows(there)["Lee"] and "Park.png is damaged" in rows(there)["Park"]
    for path in here.glob("*_*.*"):
        assert (there / path.name).read_bytes() == path.read_bytes(), path.name
    assert {path.name for path in there.iterdir()} == {path.name for path in here.iterdir()}
    again = run("segment", mixed, "-o", there, "--cluster", shared.address, "--resume", *options)
    assert "8 of 10 segmented, 8 of them before" in again.output
    logs = shared.logs()
    assert not any(name in logs for name in ("Kim", "Lee", "Park", "empty", str(tmp_path / "in")))
    assert shared.left() == []


def test_results_never_take_the_place_of_an_input(
    run: Run, shared: Processes, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = images / "Kim_00_mask.png"
    Image.fromarray(np.full((40, 60), 7, np.uint8)).save(mine)
    before = mine.read_bytes()
    for by_name in (True, False):
        monkeypatch.setattr(workplace, "is_shared", lambda *_, by_name=by_name: by_name)
        assert run("segment", images, "-o", images, "--cluster", shared.address).exit_code == 1
        assert "is one of the inputs" in rows(images)["Kim_00"] and mine.read_bytes() == before


@pytest.mark.parametrize("by_name", [True, False], ids=["by name", "by value"])
def test_first_masks_of_a_review(
    run: Run, shared: Processes, mixed: Path, tmp_path: Path, by_name: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workplace, "is_shared", lambda *_: by_name)
    (mixed / "Park.png").unlink()
    masks = []
    for name, where in (("here", ()), ("there", ("--cluster", shared.address))):
        assert run("review", "new", tmp_path / name).exit_code == 0
        done = run("review", "add", tmp_path / name, mixed, "--model", "cxr-lung", *where)
        assert done.exit_code == 1 and "This image is empty" in done.output, done.output
        assert "8 first masks by cxr-lung" in done.output
        with ReviewProject.open(tmp_path / name) as project:
            drawn = {project.source(case.id).name: case for case in project.cases() if case.revision}
            masks.append({file: project.read_mask(case.revision) for file, case in drawn.items()})
    here, there = masks
    assert sorted(here) == sorted(there) and len(here) == 8
    assert all((here[file] == there[file]).all() for file in here)
    assert not any(name in shared.logs() for name in ("Kim", "Lee", "empty"))


def test_json_names_the_files_of_this_computer(
    run: Run, shared: Processes, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workplace, "is_shared", lambda *_: False)
    done = run("segment", images, "-o", tmp_path / "out", "--cluster", shared.address, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["input"] for line in lines} == {str(path) for path in images.iterdir()}
    assert all(Path(file).is_file() for line in lines for file in line["files"])


def test_anonymous_results_hold_no_name(run: Run, shared: Processes, mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("segment", mixed, "-o", out, "--cluster", shared.address, "--anonymous")
    said = (out / "report.csv").read_text() + (out / "segment.resume.jsonl").read_text()
    assert "case-" in said and not any(name in said for name in ("Kim", "Lee", "Park"))


def test_two_at_once_do_not_meet(run: Run, shared: Processes, images: Path, tmp_path: Path) -> None:
    """Started twice: the second run asks for the same cases while the first is at them."""
    outs = [tmp_path / "one", tmp_path / "two"]
    with ThreadPoolExecutor(2) as both:
        assert [len(done) for done in both.map(partial(segmented, shared.address, images), outs)] == [8, 8]
    assert [len(ended(out)) for out in outs] == [8, 8]


def test_a_worker_that_is_killed_costs_nothing(
    run: Run, processes: Processes, toy: Path, images: Path, tmp_path: Path
) -> None:
    (toy / "slow").write_text("0.3")
    processes.scheduler()
    first = processes.worker("--no-nanny")
    out = tmp_path / "out"
    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(segmented, processes.address, images, out)
        until((toy / "ran").exists, "the first case")
        processes.worker("--no-nanny")
        os.kill(first.pid, signal.SIGKILL)
        assert {result.row.error for result in work.result()} == {""}
    assert ended(out) == sorted(path.stem for path in images.iterdir())
