"""The engine of the window: a child process for everything that needs torch. No torch here, and no Qt.

It starts with the first job, and again after it was killed. All callbacks are called on the engine's one
thread, in order, and must be short. A job whose process is killed ends as failed, with a sentence, and only
that job. Arguments and results may hold arrays of any size anywhere; they travel through shared memory and
are the receiver's own.
"""

from __future__ import annotations

import atexit
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from platformdirs import user_log_dir

from napari_unet.core.errors import UserError
from napari_unet.engine.job import EngineJob
from napari_unet.engine.messages import (
    Cancel,
    Cancelled,
    Failed,
    Outcome,
    Progress,
    Run,
    Start,
    Started,
    Succeeded,
    Tell,
)
from napari_unet.engine.process import Child, Gone

_KILLED = -9
_LAST_WAIT_S = 10.0
_ATTEMPTS = 2  # a job whose child ends before the job begins is sent again


@dataclass
class _PendingJob:
    """A job that has not ended, with the engine's own notes on it."""

    job: EngineJob
    run: Run
    attempts: int = 0
    started: bool = False
    cancelling: bool = False
    words: list[str] = field(default_factory=list)  # what the job was sent


class ChildEngine:
    """The child process and the queue of jobs for it. See protocol.py.

    threads : for torch in the child; None leaves one core to the window. nice : added to the child's niceness
    (POSIX), for long work in the background. grace_s : how long a cancelled job may take to listen before its
    process is ended. handlers : kind -> "module:function" beside the table in handlers.py. log_folder : where
    tracebacks go; None for the system's place.

    All state belongs to one thread, which runs what is posted to it.
    """

    def __init__(
        self,
        *,
        threads: int | None = None,
        nice: int = 0,
        grace_s: float = 2.0,
        handlers: Mapping[str, str] | None = None,
        log_folder: Path | None = None,
    ) -> None:
        self.log_folder = log_folder or Path(user_log_dir("napari-unet-lung", appauthor=False))
        self._start = Start(dict(handlers or {}), threads, nice, str(self.log_folder))
        self._grace_s = grace_s
        self._numbers = count(1)
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._waiting: deque[_PendingJob] = deque()
        self._running: _PendingJob | None = None
        self._child: Child | None = None
        self._deadline: float | None = None
        self._closing = False
        self._closed = False
        self._door = threading.Lock()
        self._thread = threading.Thread(target=self._live, name="engine", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def __enter__(self) -> ChildEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def warm(self) -> EngineJob:
        """Start the child and import torch there, in the background. Quick if that is done already."""
        return self.submit("warm")

    def submit(self, kind: str, /, **arguments: Any) -> EngineJob:
        """Queue one job and return at once; it begins by itself."""
        job = EngineJob(kind, self._post, self._cancel, self._tell)
        self._post(partial(self._add, _PendingJob(job, Run(next(self._numbers), kind, arguments))))
        return job

    def close(self) -> None:
        """End the child; jobs that have not ended are cancelled. Waits for it. May be called twice."""
        atexit.unregister(self.close)
        self._post(self._begin_closing)
        if threading.current_thread() is not self._thread:
            self._thread.join(_LAST_WAIT_S)

    # Everything below runs on the engine's thread, except `_post` and `_hear`.

    def _post(self, task: Callable[[], None]) -> None:
        with self._door:
            if not self._closed:
                self._inbox.put(task)
                return
        task()

    def _hear(self, child: Child, message: object) -> None:
        self._post(partial(self._on_message, child, message))

    def _live(self) -> None:
        while not self._closing:
            patience = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
            try:
                self._inbox.get(timeout=patience)()
            except queue.Empty:
                self._end_deaf_child()
        child, self._child = self._child, None
        if child is not None:
            child.close()
        if self._running is not None:
            self._waiting.appendleft(self._running)
            self._running = None
        while self._waiting:
            pending = self._waiting.popleft()
            pending.job.tell(Cancelled(pending.run.job))
        with self._door:
            self._closed = True
        while not self._inbox.empty():
            self._inbox.get()()

    def _begin_closing(self) -> None:
        self._closing = True

    def _add(self, pending: _PendingJob) -> None:
        if self._closing:
            error = UserError("The engine is closed.", "Open the dock again.")
            pending.job.tell(Failed(pending.run.job, error))
            return
        self._waiting.append(pending)
        self._next()

    def _next(self) -> None:
        """Send the first waiting job to the child, unless one is running."""
        while self._running is None and self._waiting:
            pending = self._running = self._waiting.popleft()
            pending.attempts += 1
            try:
                if self._child is None:
                    self._child = Child(self._start, self._hear)
                for word in pending.words:  # first: the job's first `yield` is to give it back
                    self._child.send(Tell(pending.run.job, word))
                self._child.send(pending.run)
            except BrokenPipeError:
                pass  # `Gone` is on its way
            except UserError as error:
                self._finish(Failed(pending.run.job, error))
            except Exception as error:
                logging.getLogger(__name__).exception("the job '%s' could not be sent", pending.run.kind)
                problem = f"The work could not be sent to the engine process ({type(error).__name__})."
                remedy = "Run `napari-unet-lung doctor` and fix what it reports."
                self._finish(Failed(pending.run.job, UserError(problem, remedy)))

    def _on_message(self, child: Child, message: object) -> None:
        if child is not self._child:
            return  # killed and replaced
        pending = self._running
        match message:
            case Gone(code):
                self._on_gone(code)
            case Started(number) if pending is not None and pending.run.job == number:
                pending.started = True
                pending.run = Run(number, pending.run.kind, {})  # let the arrays go
            case Progress(number) if pending is not None and pending.run.job == number:
                pending.job.tell(message)
            case Succeeded() | Failed() | Cancelled():
                self._finish(message)
                self._next()

    def _on_gone(self, code: int) -> None:
        self._child = None
        pending = self._running
        if pending is None:
            return
        if pending.started or pending.cancelling or pending.attempts >= _ATTEMPTS:
            self._finish(Failed(pending.run.job, self._why_gone(pending, code)))
        else:
            self._running = None
            self._waiting.appendleft(pending)
        self._next()

    def _why_gone(self, pending: _PendingJob, code: int) -> UserError:
        remedy = f"Try again. If it happens again, look at {self.log_folder}."
        if not pending.started:
            return UserError(f"The engine process ended before the work began (exit code {code}).", remedy)
        if code == _KILLED:
            return UserError(
                "The engine process was killed in the middle of the work, probably because memory ran out.",
                "Close other programs or use a smaller image, then try again.",
            )
        return UserError(f"The engine process ended in the middle of the work (exit code {code}).", remedy)

    def _cancel(self, job: EngineJob) -> None:
        pending = self._running
        if pending is not None and pending.job is job:
            if self._child is not None and not pending.cancelling:
                pending.cancelling = True
                self._deadline = time.monotonic() + self._grace_s
                with suppress(BrokenPipeError):
                    self._child.send(Cancel(pending.run.job))
            return
        for pending in self._waiting:
            if pending.job is job:
                self._waiting.remove(pending)
                pending.job.tell(Cancelled(pending.run.job))
                return

    def _tell(self, job: EngineJob, word: str) -> None:
        """To the child at once if it has the job; kept for the next one that gets it."""
        running = self._running
        for pending in (*self._waiting, *([] if running is None else [running])):
            if pending.job is job:
                pending.words.append(word)
        if running is not None and running.job is job and self._child is not None:
            with suppress(BrokenPipeError):
                self._child.send(Tell(running.run.job, word))

    def _end_deaf_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
        if self._running is not None:
            self._finish(Cancelled(self._running.run.job))
        self._next()

    def _finish(self, outcome: Outcome) -> None:
        pending, self._running, self._deadline = self._running, None, None
        if pending is not None:
            pending.job.tell(outcome)
