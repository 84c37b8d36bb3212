"""What the window's process and the engine's child process say to each other: plain, small, picklable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_unet.core.errors import UserError

PAUSE, RESUME = "pause", "resume"


@dataclass(frozen=True)
class Start:
    """First message to a child. handlers : kind -> "module:function", beside the child's own table.

    threads : for torch; None leaves one core to the window. nice : added to the child's niceness.
    log_folder : where the child writes tracebacks.
    """

    handlers: dict[str, str]
    threads: int | None
    nice: int
    log_folder: str


@dataclass(frozen=True)
class Run:
    """Do job number `job`. The child gets one at a time."""

    job: int
    kind: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Cancel:
    """Stop job number `job` at its next event."""

    job: int


@dataclass(frozen=True)
class Tell:
    """A message for job number `job`: PAUSE, RESUME, or one that its handler knows."""

    job: int
    word: str


@dataclass(frozen=True)
class Started:
    """The child has the job and its arguments."""

    job: int


@dataclass(frozen=True)
class Progress:
    """One event that the job's handler yielded."""

    job: int
    event: object


@dataclass(frozen=True)
class Succeeded:
    """The job's end: what its handler returned."""

    job: int
    result: Any


@dataclass(frozen=True)
class Failed:
    """The job's end: what went wrong, in plain words."""

    job: int
    error: UserError


@dataclass(frozen=True)
class Cancelled:
    """The job's end: it was cancelled."""

    job: int


Outcome = Succeeded | Failed | Cancelled
