"""The engine of the command line: the same work in this process, on the thread that waits for it."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.engine.handlers import HANDLERS, handler_of
from napari_unet.engine.job import EngineJob
from napari_unet.engine.messages import Cancelled, Failed, Outcome, Progress, Run, Tell
from napari_unet.engine.work import Said, news_of


@dataclass
class _PendingJob:
    """A job that has not ended, with the engine's own notes on it. news : what comes of it, once begun."""

    job: EngineJob
    run: Run
    words: list[str] = field(default_factory=list)
    news: Generator[Progress | Outcome, None, None] | None = None


class LocalEngine:
    """Jobs in this process. See protocol.py.

    A job goes on while somebody waits for its `result()` or goes through its `events()`, on that thread, and
    the jobs before it too; there its listeners are called. So Ctrl+C stops it, and what torch sets for a
    thread counts. A job that does not come to its next event cannot be stopped. threads : for torch on that
    thread; None leaves it as it is. handlers : beside the table in handlers.py.
    """

    def __init__(self, *, threads: int | None = None, handlers: Mapping[str, str] | None = None) -> None:
        self._threads = threads
        self._spared = 0
        self._handlers = HANDLERS | dict(handlers or {})
        self._numbers = count(1)
        self._waiting: deque[_PendingJob] = deque()
        self._running: _PendingJob | None = None
        self._said = Said()
        self._closed = False
        self._door = threading.RLock()  # to everything above
        self._turn = threading.RLock()  # of the thread that does a step

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def warm(self) -> EngineJob:
        """Import torch, when somebody waits for it."""
        return self.submit("warm")

    def spare_threads(self, count: int) -> None:
        """From the next job on, torch works with so many threads fewer, with one at least."""
        self._spared = count

    def submit(self, kind: str, /, **arguments: Any) -> EngineJob:
        """Queue one job and return at once; see the class for when it is done."""
        job = EngineJob(kind, self._post, self._cancel, self._tell, self._step)
        run = Run(next(self._numbers), kind, arguments)
        with self._door:
            if self._closed:
                job.tell(Failed(run.job, UserError("The engine is closed.", "Open another one.")))
            else:
                self._waiting.append(_PendingJob(job, run))
        return job

    def close(self) -> None:
        """Jobs that have not ended are cancelled; one that a thread is at, at its next event."""
        with self._door:
            self._closed = True
            if self._running is not None:
                self._said.cancel(self._running.run.job)
        with self._turn, self._door:
            if self._running is not None:
                self._waiting.appendleft(self._running)
                self._running = None
            while self._waiting:
                pending = self._waiting.popleft()
                if pending.news is not None:
                    pending.news.close()
                pending.job.tell(Cancelled(pending.run.job))

    def _post(self, task: Callable[[], None]) -> None:
        with self._door:
            task()

    def _step(self) -> None:
        """Bring the first job to its next event or to its end."""
        with self._turn:
            with self._door:
                if self._running is None and self._waiting:
                    self._begin(self._waiting.popleft())
                pending = self._running
            if pending is None or pending.news is None:
                return
            try:
                news = next(pending.news)
            except BaseException:  # Ctrl+C
                self._finish(pending, Cancelled(pending.run.job))
                raise
            if isinstance(news, Progress):
                with self._door:
                    pending.job.tell(news)
            else:
                self._finish(pending, news)

    def _begin(self, pending: _PendingJob) -> None:
        pending.news = news_of(pending.run, self._find, self._said)
        for word in pending.words:
            self._said.tell(Tell(pending.run.job, word))
        self._running = pending

    def _finish(self, pending: _PendingJob, outcome: Outcome) -> None:
        with self._door:
            if self._running is pending:
                self._running = None
            pending.job.tell(outcome)

    def _find(self, kind: str) -> Callable[..., Any]:
        handler = handler_of(kind, self._handlers)
        torch = sys.modules.get("torch")
        if torch is not None:
            self._threads = self._threads or torch.get_num_threads()
            torch.set_num_threads(max(1, self._threads - self._spared))
        return handler

    def _cancel(self, job: EngineJob) -> None:
        if self._running is not None and self._running.job is job:
            self._said.cancel(self._running.run.job)
            return
        for pending in self._waiting:
            if pending.job is job:
                self._waiting.remove(pending)
                job.tell(Cancelled(pending.run.job))
                return

    def _tell(self, job: EngineJob, word: str) -> None:
        if self._running is not None and self._running.job is job:
            self._said.tell(Tell(self._running.run.job, word))
        for pending in self._waiting:
            if pending.job is job:
                pending.words.append(word)
