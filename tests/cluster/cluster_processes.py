"""Schedulers and workers as processes of their own, on the loopback; images and what became of them."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import Result
from PIL import Image

HERE = Path(__file__).parent
Run = Callable[..., Result]


@dataclass
class Processes:
    """A scheduler and workers, with what they wrote. folder : of theirs. env : of all that come."""

    folder: Path
    env: dict[str, str]
    arguments: tuple[str, ...] = ()
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    address: str = ""

    def start(self, *command: str, **env: str) -> subprocess.Popen[bytes]:
        """One process of dask."""
        log = (self.folder / f"log-{len(self.running)}").open("wb")
        whole = [sys.executable, "-m", *command, *self.arguments]
        process = subprocess.Popen(whole, env=os.environ | self.env | env, stdout=log, stderr=log)
        self.running.append(process)
        return process

    def scheduler(self, port: int = 0, protocol: str = "tcp") -> subprocess.Popen[bytes]:
        """The scheduler, once it can be reached; its address is in `address`."""
        known = self.folder / "scheduler.json"
        known.unlink(missing_ok=True)
        where = ("--host", "127.0.0.1", "--port", str(port), "--protocol", protocol, "--no-dashboard")
        process = self.start("distributed.cli.dask_scheduler", *where, "--scheduler-file", str(known))
        until(lambda: known.exists() and known.stat().st_size, "the scheduler")
        self.address = json.loads(known.read_text())["address"]
        return process

    def worker(self, *more: str, **env: str) -> subprocess.Popen[bytes]:
        """A worker with one thread, that begins to come."""
        place = ("--host", "127.0.0.1", "--local-directory", str(self.folder / "scratch"))
        plain = ("--nthreads", "1", "--no-dashboard", "--preload", "toy_worker")
        return self.start("distributed.cli.dask_worker", self.address, *place, *plain, *more, **env)

    def logs(self) -> str:
        """What all of them wrote."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("log-*")))

    def left(self) -> list[Path]:
        """Files in the folders of workers, but for Dask's own."""
        files = [path for path in (self.folder / "scratch").rglob("*") if path.is_file()]
        return [path for path in files if not path.name.endswith("lock")]

    def close(self) -> None:
        """End all."""
        for process in self.running:
            with suppress(OSError):
                process.send_signal(signal.SIGCONT)
            process.kill()
        for process in self.running:
            process.wait()


def until(true: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Waits for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.05)


def environment(toy: Path) -> dict[str, str]:
    """What a process needs to find the toys and this program."""
    paths = (str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", ""))
    return {
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "TOY": str(toy),
        "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "4s",
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "2",
        "OMP_NUM_THREADS": "1",
    }


def made_images(folder: Path, number: int) -> Path:
    """So many X-rays with names of patients, all different, in a new folder."""
    folder.mkdir(parents=True)
    for shift in range(number):
        pixels = np.full((40, 60), 20, np.uint8)
        pixels[10:30, 8:20], pixels[10:30, 40:52] = 200, 220
        Image.fromarray(np.roll(pixels, shift, axis=0)).save(folder / f"Kim_{shift:02d}.png")
    return folder


def rows(out: Path) -> dict[str, str]:
    """Each case of the report with its error."""
    with (out / "report.csv").open(newline="", encoding="utf-8") as file:
        return {row["case"]: row["error"] for row in csv.DictReader(file)}


def ended(out: Path) -> list[str]:
    """The cases that the record has as done, as often as it has them."""
    record = out / "segment.resume.jsonl"
    lines = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
    return sorted(line["case"] for line in lines if line["event"] == "ended")


def segmented(address: str, images: Path, out: Path, **limits: float) -> list[Any]:
    """The results of a run on the cluster at `address`; may be called in a thread."""
    from napari_unet.cli.batch import Batch, Options
    from napari_unet.cli.inputs import find_inputs
    from napari_unet.cli.on_cluster import run_on
    from napari_unet.cli.resume import ResumeRecord
    from napari_unet.cluster.connect import remote_cluster
    from napari_unet.cluster.limits import Limits
    from napari_unet.cluster.made_by import made_by
    from napari_unet.cluster.workplace import Workplace

    out.mkdir(exist_ok=True)
    with remote_cluster(address) as client:
        kept = Limits(**{"patience_s": 8, **limits})  # type: ignore[arg-type]
        place = Workplace(client, ("cxr-lung",), made_by("cxr-lung", device="cpu"), limits=kept)
        record = ResumeRecord(out, "segment", {}, again=False)
        batch = Batch(find_inputs([str(images)], out), Options(out), record)
        return list(run_on(place, batch))
