"""Job: work outside the GUI thread, reported by Qt signals on the GUI thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from qtpy.QtCore import QEventLoop, QObject, Qt, Signal

from napari_unet.core.errors import IN_THE_LOG, UserError
from napari_unet.core.steps import run
from napari_unet.engine.job import JobCancelled
from napari_unet.engine.protocol import Engine

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_running: set[Job] = set()  # keeps a job alive until it has reported its end


def in_words(error: Exception) -> UserError:
    """What to say about an exception; one that nobody has foreseen goes to the log. Call it in `except`."""
    if isinstance(error, UserError):
        return error
    _log.exception("something failed that should not")
    said = str(error).strip().rstrip(".") or type(error).__name__
    return UserError(f"Something went wrong: {said}.", IN_THE_LOG)


class Job(QObject):
    """One piece of work in a thread of its own. Whoever starts it connects to its signals at once.

    Exactly one of `succeeded` (the result), `failed` (a UserError) and `cancelled` is emitted, then `ended`.
    All signals come on the GUI thread.
    """

    progressed = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    ended = Signal()
    _reported = Signal(str, object)

    def __init__(self, work: Callable[[Job], Any], owner: QObject | None = None) -> None:
        """owner : who listens; once it is gone the job is abandoned."""
        super().__init__()
        self._work = work
        self._abandoned = False
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._stop: Callable[[], None] | None = None
        self._ask: Callable[[str], None] | None = None
        self._words: list[str] = []  # said before anybody listened
        self._reported.connect(self._hear, Qt.ConnectionType.QueuedConnection)
        if owner is not None:
            owner.destroyed.connect(self.abandon)
        _running.add(self)
        threading.Thread(target=self._run, name="napari-unet job", daemon=True).start()

    def cancel(self) -> None:
        """Ask the work to stop. Without effect once it has ended."""
        with self._lock:
            self._is_cancelled = True
            stop = self._stop
        if stop is not None:
            stop()

    def ask(self, word: str) -> None:
        """Send a message to the work: "pause", "resume", or one that it knows. See EngineJob.ask."""
        with self._lock:
            ask = self._ask
            if ask is None:
                self._words.append(word)
        if ask is not None:
            ask(word)

    def abandon(self) -> None:
        """Cancel, and report nothing more: nobody is there to hear it."""
        self._abandoned = True
        self.cancel()

    def check(self) -> None:
        """For the work, between two steps: leaves it if `cancel` was called."""
        if self._is_cancelled:
            raise JobCancelled

    def stop_with(self, stop: Callable[[], None]) -> None:
        """For the work: `cancel` calls `stop`; at once if it was called already."""
        with self._lock:
            self._stop = stop
            late = self._is_cancelled
        if late:
            stop()

    def ask_with(self, ask: Callable[[str], None]) -> None:
        """For the work: what `ask` is given goes to this function, also what was said before."""
        with self._lock:
            self._ask, words = ask, self._words
            for word in words:
                ask(word)

    def progress(self, event: object) -> None:
        """For the work: report one event."""
        self._tell("progressed", event)

    def _run(self) -> None:
        try:
            self.check()
            result = self._work(self)
            self.check()
        except JobCancelled:
            self._tell("cancelled", None)
        except Exception as error:
            self._tell("failed", in_words(error))
        else:
            self._tell("succeeded", result)

    def _tell(self, kind: str, payload: object) -> None:
        try:
            self._reported.emit(kind, payload)
        except RuntimeError:  # Qt is gone: napari was closed while the work went on
            _running.discard(self)

    def _hear(self, kind: str, payload: object) -> None:
        if kind == "progressed":
            if not self._abandoned:
                self.progressed.emit(payload)
            return
        _running.discard(self)
        if self._abandoned:
            return
        if kind == "succeeded" and self._is_cancelled:  # cancelled when the result was on its way already
            kind = "cancelled"
        if kind == "succeeded":
            self.succeeded.emit(payload)
        elif kind == "failed":
            self.failed.emit(payload)
        else:
            self.cancelled.emit()
        self.ended.emit()


def run_in_thread(work: Callable[[], Any], owner: QObject | None = None) -> Job:
    """`work` (files, masks; never torch) in a thread. Cancelling throws its result away. owner : see Job."""
    return Job(lambda job: work(), owner)


def run_on_engine(
    engine: Engine,
    kind: str,
    prepare: Callable[[], dict[str, Any]] = dict,
    finish: Callable[[Any], Any] | None = None,
    owner: QObject | None = None,
) -> Job:
    """A request to the engine. `prepare` makes its arguments (copies of arrays take time), `finish` turns the
    result into what `succeeded` carries; both run outside the GUI thread."""

    def work(job: Job) -> Any:
        arguments = prepare()
        job.check()
        request = engine.submit(kind, **arguments)
        request.listen(on_progress=job.progress)
        job.stop_with(request.cancel)
        job.ask_with(request.ask)
        result = request.result()
        job.check()
        return result if finish is None else finish(result)

    return Job(work, owner)


def exhaust(steps: Generator[Any, None, _T], job: Job) -> _T:
    """Run a generator to its end in a job: its events are the job's progress, cancelling closes it."""

    def tell(event: Any) -> None:
        job.progress(event)
        job.check()

    job.check()
    return run(steps, tell)


def wait_in_window(work: Callable[[], _T]) -> _T:
    """`work` in a thread, for callers on the GUI thread that need its result now: the window goes on drawing.

    It takes no clicks and keys until the work has ended. Raises a UserError if it fails.
    """
    loop = QEventLoop()
    made: list[_T] = []
    errors: list[UserError] = []
    job = run_in_thread(work)
    job.succeeded.connect(made.append)
    job.failed.connect(errors.append)
    job.ended.connect(loop.quit)
    loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    if not made:
        raise errors[0] if errors else UserError("The window was closed meanwhile.", "Try again.")
    return made[0]
