"""What the tests of the whole program share: the window in its process, what it shows, twelve real X-rays."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

from napari_unet.cli.main import app
from napari_unet.io.formats import read_raster
from napari_unet.review.store import ReviewProject
from napari_unet.review.verify import Problem

ROOT = Path(__file__).parents[2]
COVID = ROOT / "tests" / "data" / "covid"
REVIEWER = "Ann Example"


class Window:
    """A window in a process of its own. Any method of `clinic_window.Hands` can be called on it."""

    def __init__(self, home: Path, project: Path | None = None, more: Sequence[str] = ()) -> None:
        """home : stands for the user's home. project : opened as `review open` does; None for none.

        more : folders in which modules are found.
        """
        home.mkdir(exist_ok=True)
        folders = {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home, "XDG_CACHE_HOME": home}
        modules = os.pathsep.join([*more, str(ROOT)])
        settings = {"NAPARI_CONFIG": str(home / "napari.yaml"), "PYTHONPATH": modules}
        self._log = (home / "window.log").open("a")
        command = [sys.executable, Path(__file__).with_name("clinic_window.py")]
        self.process = subprocess.Popen(
            command if project is None else [*command, project],
            env=os.environ | {name: str(path) for name, path in folders.items()} | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*arguments: Any) -> Any:
            self.ask(name, *arguments)
            return self.answer()

        return call

    def ask(self, name: str, *arguments: Any) -> None:
        """Begin something; `answer` waits for its end."""
        self.process.stdin.write(json.dumps({"do": name, "with": arguments}, default=str) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        """The result of what was asked. AssertionError if it failed or the window is gone."""
        line = self.process.stdout.readline()
        assert line, f"the window is gone: {self.said()}"
        answer = json.loads(line)
        assert "problem" not in answer, answer["problem"]
        return answer["answer"]

    def pixels(self) -> np.ndarray:
        """uint8: the mask that is on the screen."""
        return from_text(self.look())

    def until_pixels(self, mask: np.ndarray) -> None:
        """Wait until this mask is on the screen."""
        self.wait_for_mask(base64.b64encode(zlib.compress(np.ascontiguousarray(mask).tobytes(), 1)).decode())

    def said(self) -> str:
        """The end of what the process wrote for those who look for faults."""
        self._log.flush()
        return Path(self._log.name).read_text()[-3000:]

    def kill(self) -> None:
        """kill -9; without effect once it is gone."""
        self.process.kill()
        self.gone()

    def gone(self) -> int:
        """Wait until the process has ended; how it did."""
        code = self.process.wait(120)
        for pipe in (self.process.stdin, self.process.stdout, self._log):
            pipe.close()
        return code


def from_text(mask: tuple[list[int], str]) -> np.ndarray:
    """uint8: a mask as the window hands it over."""
    shape, text = mask
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(shape)


def first_mask(project: ReviewProject, case: str) -> np.ndarray:
    """uint8 0 and 1: the mask that lay beside the image of a case."""
    name = project.source(case).name
    return (read_raster(COVID / "masks" / name).pixels > 127).astype(np.uint8)


def gap(mask: np.ndarray) -> list[tuple[float, float]]:
    """A line down the middle between two lungs, without lung on it: two places (row, column)."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        rows, columns = np.array([[0, 0], mask.shape]).T - 1
    column = round((columns.min() + columns.max()) / 2)
    free = [
        row for row in range(int(rows.min()), int(rows.max())) if not mask[row, column - 3 : column + 4].any()
    ]
    middle = free[len(free) // 2]
    return [(middle - 20, float(column)), (middle + 20, float(column))]


def command(*arguments: object) -> str:
    """What the command line says. AssertionError if it fails."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def problems(project: ReviewProject) -> list[Problem]:
    """What the project's own check finds."""
    steps = project.verify()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return list(end.value)
