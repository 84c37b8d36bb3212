"""Which process holds something that others see: on this machine or another, running or over."""

from __future__ import annotations

import hashlib
import os
import platform
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psutil

_NEAR_S = 3.0  # two readings of one start may differ by so much
_RANDOM = 1 << 40  # bit of a hardware address that Python made up


@cache
def machine() -> str:
    """The same for all processes of this machine, and of no other: 16 digits.

    A host name is not enough: many machines are called "localhost" or by their image. In a container,
    it is the container, which numbers its processes itself.
    """
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/etc/machine-id").read_text("utf-8").strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    address = uuid.getnode()
    if not address & _RANDOM:
        parts.append(f"{address:x}")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def runs(process: int) -> bool:
    """Whether a process with this number runs on this machine, or if that is unknown."""
    try:
        return bool(psutil.pid_exists(process))
    except (OSError, OverflowError, psutil.Error):
        return True


@dataclass(frozen=True)
class Owner:
    """A process, as others read it. started : seconds since 1970; after_boot : since the machine's start.

    token : of one holding; a process that holds something twice has two. computer : its name, for people.
    """

    computer: str = field(default_factory=platform.node)
    machine: str = field(default_factory=machine)
    process: int = field(default_factory=os.getpid)
    started: float = field(default_factory=lambda: _started(os.getpid())[0])
    after_boot: float = field(default_factory=lambda: _started(os.getpid())[1])
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def is_over(self) -> bool:
        """True if it is certain that the process has ended: it ran on this machine, and does no more."""
        if self.machine != machine():
            return False
        if not runs(self.process):
            return True
        try:
            started, after_boot = _started(self.process)
        except psutil.NoSuchProcess:
            return True
        except (OSError, psutil.Error):
            return False
        # the number was given again if neither fits; one of them jumps where the clock is set
        return abs(started - self.started) > _NEAR_S and abs(after_boot - self.after_boot) > _NEAR_S


def owner_of(words: Any) -> Owner | None:
    """The Owner whose fields these are; None if they do not name one machine and process for certain."""
    try:
        return Owner(
            str(words["computer"]),
            str(words["machine"]),
            int(words["process"]),
            float(words["started"]),
            float(words["after_boot"]),
            str(words["token"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _started(process: int) -> tuple[float, float]:
    started = psutil.Process(process).create_time()
    return started, started - psutil.boot_time()
