"""Waiting for what another process does, and looking at what it leaves."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

WAIT_S = 30


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def segments() -> set[str]:
    """Names of the engines' segments that exist now."""
    return {path.name for path in Path("/dev/shm").glob("nul-*")}


def own_segments() -> set[str]:
    """The same without those of engines that other processes have started, test runs beside this one, say."""
    found = segments()
    others = [token for token, parent in _children() if parent != os.getpid()]
    return {name for name in found if not any(name.startswith(token) for token in others)}


def _children() -> Iterator[tuple[str, int]]:
    """Of each engine's child on this computer: its token and the process that started it."""
    for process in psutil.process_iter(["cmdline", "ppid"]):
        words = process.info["cmdline"] or []
        if "napari_unet.engine.server" in words:
            yield words[-1], process.info["ppid"]
