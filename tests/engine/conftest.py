"""Engines with the tests' own handlers, and a watch on shared memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from napari_unet.engine import Engine

HERE = Path(__file__).parent
NAMES = [
    "count",
    "echo",
    "plain",
    "fail",
    "refuse",
    "forget",
    "lack",
    "leave",
    "unsendable",
    "deaf",
    "tidy",
    "die",
    "die_once",
    "chatter",
    "state",
]
HANDLERS = {name: f"engine_handlers:{name}" for name in NAMES}


def segments() -> set[str]:
    """Names of the engine's segments that exist now."""
    return {path.name for path in Path("/dev/shm").glob("nul-*")}


@pytest.fixture(autouse=True)
def _find_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))


@pytest.fixture
def no_leak() -> Iterator[None]:
    before = segments()
    yield
    if sys.platform == "linux":
        assert segments() <= before


@pytest.fixture
def make_engine(no_leak: None, _find_handlers: None, tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Engines that are closed after the test."""
    engines: list[Engine] = []

    def make(**options: Any) -> Engine:
        options = {"handlers": HANDLERS, "log_folder": tmp_path / "log"} | options
        engines.append(Engine(**options))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(make_engine: Callable[..., Engine]) -> Engine:
    return make_engine()


class Listener:
    """Notes what a job tells."""

    def __init__(self, job: Any) -> None:
        self.progress: list[Any] = []
        self.ends: list[tuple[str, Any]] = []
        job.listen(
            on_progress=self.progress.append,
            on_success=lambda result: self.ends.append(("success", result)),
            on_failure=lambda error: self.ends.append(("failure", error)),
            on_cancel=lambda: self.ends.append(("cancel", None)),
        )


@pytest.fixture
def listen() -> type[Listener]:
    return Listener
