"""What goes wrong on a cluster, with real processes: every case is done once, or listed with its reason."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cluster_processes import Processes, Run, ended, made_images, rows, segmented, until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals")]


def names(images: Path) -> list[str]:
    return sorted(path.stem for path in images.iterdir())


@contextmanager
def under_way(processes: Processes, toy: Path, images: Path, out: Path, **limits: float) -> Iterator[None]:
    """The block runs from the first case on; afterwards all are done, or listed with a reason."""
    (toy / "slow").write_text("0.2")
    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(segmented, processes.address, images, out, **limits)
        until((toy / "ran").exists, "the first case")
        yield
        results = work.result(timeout=120)
    assert sorted(result.row.case for result in results) == names(images)
    done = sorted(result.row.case for result in results if not result.row.error)
    assert ended(out) == done
    assert {path.name for path in out.glob("*_mask.png")} >= {f"{name}_mask.png" for name in done}
    (out / "errors").write_text("\n".join(result.row.error for result in results if result.row.error))


def errors(out: Path) -> set[str]:
    return set((out / "errors").read_text().splitlines())


def test_a_case_that_kills_every_worker_is_set_aside(
    run: Run, processes: Processes, toy: Path, images: Path, tmp_path: Path
) -> None:
    processes.scheduler()
    processes.worker()
    (toy / "deadly").write_text("13")
    out = tmp_path / "out"
    with under_way(processes, toy, images, out, case_s=60):
        pass
    assert len(ended(out)) == 7
    (only,) = errors(out)
    assert "Worker after worker ended while it was at this image" in only


def test_workers_killed_again_and_again(run: Run, processes: Processes, toy: Path, tmp_path: Path) -> None:
    """A nanny starts another each time."""
    images, out = made_images(tmp_path / "in", 40), tmp_path / "out"
    processes.scheduler()
    for _ in range(3):
        processes.worker()
    chance = random.Random(7)
    with under_way(processes, toy, images, out):
        for _ in range(5):
            alive = set((toy / "ran").read_text().split())
            with suppress(ProcessLookupError):
                os.kill(int(chance.choice(sorted(alive))), signal.SIGKILL)
            time.sleep(1)
    assert all("Worker after worker" in error for error in errors(out)) and len(ended(out)) >= 38


def test_the_scheduler_is_killed(run: Run, processes: Processes, toy: Path, tmp_path: Path) -> None:
    images, out = made_images(tmp_path / "in", 30), tmp_path / "out"
    scheduler = processes.scheduler()
    processes.worker("--no-nanny")
    with under_way(processes, toy, images, out, patience_s=3):
        os.kill(scheduler.pid, signal.SIGKILL)
    assert len(errors(out)) > 0 and all("The scheduler of the cluster is gone" in one for one in errors(out))
    processes.scheduler()
    processes.worker("--no-nanny")
    done = run("segment", images, "-o", out, "--cluster", processes.address, "--resume")
    assert done.exit_code == 0 and "30 of 30 segmented" in done.output, done.output


def test_the_scheduler_is_killed_and_comes_back(
    run: Run, processes: Processes, toy: Path, tmp_path: Path
) -> None:
    """At the same address, soon enough: the run goes on by itself."""
    images, out = made_images(tmp_path / "in", 30), tmp_path / "out"
    scheduler = processes.scheduler()
    processes.worker("--no-nanny")
    port = int(processes.address.rsplit(":", 1)[1])
    with under_way(processes, toy, images, out, patience_s=40):
        os.kill(scheduler.pid, signal.SIGKILL)
        scheduler.wait()
        processes.scheduler(port)
        processes.worker("--no-nanny")
    assert errors(out) == set()


@pytest.mark.parametrize("how", ["the process is stopped", "the case hangs"])
def test_a_worker_that_hangs(run: Run, processes: Processes, toy: Path, tmp_path: Path, how: str) -> None:
    """Dask gives up a worker that says nothing; a case that does not end takes its worker with it."""
    images, out = made_images(tmp_path / "in", 20), tmp_path / "out"
    processes.scheduler()
    processes.worker()
    processes.worker()
    if how == "the case hangs":
        (toy / "hang").touch()
    with under_way(processes, toy, images, out, case_s=5):
        if how != "the case hangs":
            os.kill(int((toy / "ran").read_text().split()[0]), signal.SIGSTOP)
    assert errors(out) == set()


def test_a_slow_worker_does_not_hold_the_others_up(
    run: Run, processes: Processes, toy: Path, tmp_path: Path
) -> None:
    images, out = made_images(tmp_path / "in", 30), tmp_path / "out"
    processes.scheduler()
    slow = processes.worker("--no-nanny", TOY_SLOW="3")
    processes.worker("--no-nanny")
    with under_way(processes, toy, images, out):
        pass
    ran = (toy / "ran").read_text().split()
    assert errors(out) == set() and ran.count(str(slow.pid)) < 10


def test_the_shared_folder_is_gone_and_comes_back(
    run: Run, processes: Processes, toy: Path, tmp_path: Path
) -> None:
    images, out = made_images(tmp_path / "in", 20), tmp_path / "out"
    processes.scheduler()
    processes.worker("--no-nanny")
    with under_way(processes, toy, images, out, patience_s=20):
        images.rename(tmp_path / "away")
        time.sleep(4)
        (tmp_path / "away").rename(images)
    assert errors(out) == set()


def test_the_shared_folder_stays_away(run: Run, processes: Processes, toy: Path, tmp_path: Path) -> None:
    images, out = made_images(tmp_path / "in", 40), tmp_path / "out"
    processes.scheduler()
    processes.worker("--no-nanny")
    with under_way(processes, toy, images, out, patience_s=0.2):
        images.rename(tmp_path / "away")
        time.sleep(30)
        (tmp_path / "away").rename(images)
    assert 0 < len(errors(out)) <= 2 + 6
    assert any("images in a row failed" in error for error in errors(out))
    assert any("It failed 3 times: A worker cannot reach the folder" in error for error in errors(out))


def test_the_disk_of_one_worker_is_full(
    run: Run, processes: Processes, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet.cluster import workplace

    monkeypatch.setattr(workplace, "is_shared", lambda *_: False)
    images, out = made_images(tmp_path / "in", 20), tmp_path / "out"
    processes.scheduler()
    processes.worker("--no-nanny")
    full = processes.worker("--no-nanny", TOY_LARGEST_FILE="60")
    with under_way(processes, toy, images, out):
        pass
    assert errors(out) == set() and str(full.pid) not in (toy / "ran").read_text().split()


def test_the_client_dies_and_comes_back(run: Run, processes: Processes, toy: Path, tmp_path: Path) -> None:
    images, out = made_images(tmp_path / "in", 30), tmp_path / "out"
    (toy / "slow").write_text("0.2")
    processes.scheduler()
    processes.worker("--no-nanny")
    program = "from toy_worker import *; use_toys(HANDLERS); from napari_unet.cli.main import main; main()"
    asked = ("segment", str(images), "-o", str(out), "--cluster", processes.address, "--resume")
    for _ in range(3):
        client = subprocess.Popen([sys.executable, "-c", program, *asked], env=os.environ | processes.env)
        before = len(ended(out))
        until(lambda before=before: len(ended(out)) > before + 2, "three cases more")
        client.kill()
        client.wait()
    done = run(*asked)
    assert done.exit_code == 0 and "30 of 30 segmented" in done.output, done.output
    assert sorted(rows(out)) == names(images) and ended(out) == names(images)
