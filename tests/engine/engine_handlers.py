"""Handlers that the tests give to an engine. The child finds this module as the tests do (conftest.py)."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.core.events import Note, TileDone


def count(total: int, pause_s: float = 0.0) -> Generator[TileDone, None, int]:
    for done in range(1, total + 1):
        time.sleep(pause_s)
        yield TileDone(done, total)
    return total


def echo(value: Any = None) -> Generator[object, None, Any]:
    yield value
    return value


def plain(value: Any) -> Any:
    return value


def fail(source: str = "") -> Generator[TileDone, None, None]:
    yield TileDone(1, 2)
    raise RuntimeError(f"cannot read {source}")


def refuse() -> Generator[TileDone, None, None]:
    yield TileDone(1, 2)
    raise UserError("This is a hand.", "Choose a chest X-ray.")


def forget() -> None:
    raise MemoryError


def lack() -> None:
    import no_such_package  # type: ignore[import-not-found]  # noqa: F401


def leave() -> None:
    sys.exit(3)


def unsendable() -> Any:
    return lambda: 0


def deaf(file: str) -> Generator[Note, None, None]:
    """Yields its process's number, then listens no more."""
    yield Note(str(os.getpid()))
    Path(file).touch()
    time.sleep(60)


def tidy(file: str) -> Generator[TileDone, None, None]:
    """Leaves a file behind when it is closed."""
    try:
        while True:
            yield TileDone(1, 1)
            time.sleep(0.01)
    finally:
        Path(file).touch()


def die(how: int = int(signal.SIGTERM)) -> Generator[TileDone, None, None]:
    yield TileDone(1, 2)
    os.kill(os.getpid(), how)
    time.sleep(60)


def chatter() -> str:
    """Writes where the messages used to go."""
    print("to standard output")
    os.write(1, b"and below Python")
    return sys.stdin.read()


def state() -> dict[str, Any]:
    """What the child knows about itself."""
    return {
        "pid": os.getpid(),
        "torch": "torch" in sys.modules,
        "main": sys.modules["__main__"].__spec__.name,  # type: ignore[union-attr]
        "nice": os.nice(0),
    }


def listen(total: int = 10_000, pause_s: float = 0.005) -> Generator[TileDone, str | None, list[str]]:
    """Notes the messages it is sent; ends at "stop", or after `total` events."""
    heard: list[str] = []
    for done in range(1, total + 1):
        word = yield TileDone(done, total)
        if word is not None:
            heard.append(word)
        if word == "stop":
            break
        time.sleep(pause_s)
    return heard


def listen_and_tell() -> Generator[Note, str | None, None]:
    """Its process's number, then on until it is ended."""
    while True:
        yield Note(str(os.getpid()))
        time.sleep(0.005)
