"""Doing one job: its handler's steps, what is said to it meanwhile, how it ends. The same in every engine."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from types import GeneratorType
from typing import Any

from napari_unet.engine.messages import (
    PAUSE,
    RESUME,
    Cancelled,
    Failed,
    Outcome,
    Progress,
    Run,
    Succeeded,
    Tell,
)
from napari_unet.engine.report import as_user_error

Find = Callable[[str], Callable[..., Any]]


class Said:
    """What is said to jobs while one of them runs. From any thread."""

    def __init__(self) -> None:
        self._cancelled = 0  # number of the last job that was cancelled
        self._told: deque[Tell] = deque()
        self._news = threading.Condition()  # guards the two above

    def cancel(self, job: int) -> None:
        """Stop job number `job` at its next event."""
        with self._news:
            self._cancelled = job
            self._news.notify()

    def tell(self, told: Tell) -> None:
        """A message for a job."""
        with self._news:
            self._told.append(told)
            self._news.notify()

    def is_cancelled(self, job: int) -> bool:
        """Whether the job is to stop."""
        return self._cancelled == job

    def word(self, job: int) -> str | None:
        """What the job was sent, or None; waits while it is paused, unless it is cancelled."""
        paused = False
        with self._news:
            while self._cancelled != job:
                while self._told:
                    told = self._told.popleft()
                    if told.job == job:
                        paused = told.word == PAUSE
                        if told.word not in (PAUSE, RESUME):
                            return told.word
                if not paused:
                    break
                self._news.wait()
        return None


def news_of(run: Run, find: Find, said: Said) -> Generator[Progress | Outcome, None, None]:
    """Does a job step by step: its events, and at last how it ended, in whatever way.

    find : the handler of a kind. Ctrl+C goes through. Closing this closes the handler's steps.
    """
    outcome: Outcome
    try:
        outcome = yield from _events(run, find, said)
    except (Exception, SystemExit) as error:
        outcome = Failed(run.job, as_user_error(error, run))
    yield outcome


def _events(run: Run, find: Find, said: Said) -> Generator[Progress, None, Succeeded | Cancelled]:
    if said.is_cancelled(run.job):
        return Cancelled(run.job)
    steps = find(run.kind)(**run.arguments)
    if not isinstance(steps, GeneratorType):
        return Succeeded(run.job, steps)
    word = None
    try:
        while True:
            try:
                event = steps.send(word)
            except StopIteration as stop:
                return Succeeded(run.job, stop.value)
            if not said.is_cancelled(run.job):
                yield Progress(run.job, event)
                word = said.word(run.job)
            if said.is_cancelled(run.job):
                return Cancelled(run.job)
    finally:
        steps.close()
