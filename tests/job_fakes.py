"""An engine without an engine: the test decides what its jobs report and how they end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QApplication

from napari_unet.engine.job import JobCancelled
from napari_unet.widgets.common import jobs as window_jobs

_awaited: set[FakeJob] = set()  # somebody is in their `result`


class FakeJob:
    """An engine job whose events and end the test decides."""

    patience_s = 60.0  # the machine may be busy

    def __init__(self, kind: str, arguments: dict[str, Any], awaited: Callable[[FakeJob], None]) -> None:
        """awaited : called with the job once somebody listens, and waits for its end."""
        self.kind, self.arguments = kind, arguments
        self.words: list[str] = []
        self.cancelled = False
        self._awaited = awaited
        self._done = threading.Event()
        self._outcome: Any = None
        self._progress: Callable[[Any], None] | None = None

    def listen(self, *, on_progress: Callable[[Any], None] | None = None) -> None:
        self._progress = on_progress

    def tell(self, *events: object) -> None:
        for event in events:
            self._progress(event)

    def ask(self, word: str) -> None:
        self.words.append(word)

    def end(self, outcome: Any) -> None:
        self._outcome = outcome
        self._done.set()

    def cancel(self) -> None:
        self.cancelled = True
        if not self._done.is_set():
            self.end(JobCancelled(self.kind))

    @property
    def is_open(self) -> bool:
        """Whether nobody has ended it yet."""
        return not self._done.is_set()

    def result(self) -> Any:
        _awaited.add(self)
        try:
            self._awaited(self)
            assert self._done.wait(self.patience_s), "the test never ended this job"
        finally:
            _awaited.discard(self)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


class FakeEngine:
    """Ends jobs of the kinds in `answers` at once; keeps the others, and `answered` ones, for the test.

    A job is in `jobs` when the window's thread waits for its end, so that what the test reports arrives.
    """

    def __init__(self, answers: dict[str, Callable[[dict[str, Any]], Any]], **options: Any) -> None:
        self.options = options
        self.jobs: list[FakeJob] = []
        self.answered: list[FakeJob] = []
        self.closed = threading.Event()
        self._answers = answers
        self._submitted: list[FakeJob] = []

    def warm(self) -> None:
        pass

    def submit(self, kind: str, /, **arguments: Any) -> FakeJob:
        answer = self._answers.get(kind)
        job = FakeJob(kind, arguments, (self.jobs if answer is None else self.answered).append)
        if answer is not None:
            job.end(answer(arguments))
        self._submitted.append(job)
        if self.closed.is_set():
            job.cancel()
        return job

    def close(self) -> None:
        self.closed.set()
        for job in list(self._submitted):
            job.cancel()


def until_calm(qtbot: Any, is_calm: Callable[[], bool] = lambda: True) -> None:
    """Wait until `is_calm` and the window's jobs are at rest, and stay so while Qt delivers events."""

    def stays() -> bool:
        for _ in range(3):  # what one turn delivers may begin something in the next
            if not (jobs_are_calm() and is_calm()):
                return False
            QApplication.processEvents()
        return jobs_are_calm() and is_calm()

    qtbot.waitUntil(stays)


def jobs_are_calm() -> bool:
    """Whether each of the window's jobs has ended, or waits for a `FakeJob` that the test must end."""
    return len(window_jobs._running) <= sum(job.is_open for job in list(_awaited))
