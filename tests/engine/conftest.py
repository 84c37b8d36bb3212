"""Engines with the tests' own handlers, and a watch on shared memory."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from engine_waits import own_segments

from napari_unet.engine import ChildEngine, Engine, LocalEngine

HERE = Path(__file__).parent
NO_TORCH = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "qtpy", "PyQt5", "PyQt6", "napari"}:
            raise ImportError(f"{name} in the window's process")

sys.meta_path.insert(0, NoTorch())
from napari_unet.engine import ChildEngine
"""


@contextmanager
def nothing_left() -> Iterator[None]:
    """Fails if shared memory of ours is left that was not there before."""
    before = own_segments()
    yield
    left = own_segments() - before
    end = time.monotonic() + 10
    while left and time.monotonic() < end:  # another test run's come and go
        time.sleep(0.01)
        left &= own_segments()
    assert not left


@pytest.fixture
def no_leak() -> Iterator[None]:
    with nothing_left():
        yield


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """kind -> handler, for each function in engine_handlers.py, which the child finds as we do."""
    monkeypatch.syspath_prepend(str(HERE))
    import engine_handlers

    functions = inspect.getmembers(engine_handlers, inspect.isfunction)
    return {name: f"engine_handlers:{name}" for name, _ in functions}


@pytest.fixture
def make_engine(
    no_leak: None, handlers: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., ChildEngine]]:
    """Engines that are closed after the test, with the tests' handlers and a log of their own."""
    engines: list[ChildEngine] = []

    def make(**options: Any) -> ChildEngine:
        options = {"handlers": handlers, "log_folder": tmp_path / "log"} | options
        engines.append(ChildEngine(**options))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(make_engine: Callable[..., ChildEngine]) -> ChildEngine:
    return make_engine()


@pytest.fixture(scope="module")
def shared_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChildEngine]:
    """For a module's jobs that leave the child as it was: one that trains takes seconds to start."""
    with nothing_left():
        made = ChildEngine(log_folder=tmp_path_factory.mktemp("log"))
        yield made
        made.close()


@pytest.fixture(params=["child", "local"])
def any_engine(request: pytest.FixtureRequest, handlers: dict[str, str]) -> Iterator[Engine]:
    """Each implementation of the seam in turn."""
    if request.param == "child":
        yield request.getfixturevalue("make_engine")()
        return
    with LocalEngine(handlers=handlers) as engine:
        yield engine


class Ear:
    """Notes what a job reports: events, and how it ended."""

    def __init__(self, job: Any) -> None:
        self.events: list[Any] = []
        self.ends: list[tuple[str, Any]] = []
        job.listen(
            on_progress=self.events.append,
            on_success=lambda result: self.ends.append(("success", result)),
            on_failure=lambda error: self.ends.append(("failure", error)),
            on_cancel=lambda: self.ends.append(("cancel", None)),
        )


@pytest.fixture
def ear() -> type[Ear]:
    return Ear


@pytest.fixture
def no_torch() -> str:
    """The beginning of a script in whose process torch and Qt cannot be imported."""
    return NO_TORCH


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """For a fresh process that finds the package and the tests' handlers, and writes its log elsewhere."""
    path = os.pathsep.join([str(HERE.parents[1]), str(HERE)])
    return os.environ | {"PYTHONPATH": path, "XDG_STATE_HOME": str(tmp_path)}


@pytest.fixture
def run_script(environment: dict[str, str]) -> Callable[..., Any]:
    """Run a Python script (or, with options for the interpreter, a file) in a fresh process."""

    def run(script: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *options, *(() if options else ("-c",)), script],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
