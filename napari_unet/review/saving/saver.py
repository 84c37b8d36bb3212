"""Saver: everything the window writes into a project, off the GUI thread, in order, and never given up.

Two threads: strokes go to their journal at once, and do not wait for the other thread, which saves masks
and changes the database.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_unet.core.change import Change
from napari_unet.core.errors import UserError
from napari_unet.review.faults import StoreFault
from napari_unet.review.saving.recovery import drop_half_written, needless, rescue_folder
from napari_unet.review.saving.save_state import Saved, SaveState, Saving, Unsaved, in_words, log_bug
from napari_unet.review.saving.stroke_writer import StrokeWriter
from napari_unet.review.types import Author, Case

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject

__all__ = ["SaveState", "Saved", "Saver", "Saving", "Unsaved"]

_T = TypeVar("_T")


@dataclass
class _Job:
    """A write into the project. saves : the case whose mask it saves, if a later such job can replace it."""

    work: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[UserError], None]
    saves: str | None = None


class Saver:
    """The only writer of the window. All methods but `flush` and `close` return at once.

    A write that fails because of the disk, the network or a lock is tried again until it succeeds, before
    those that came later. A write that the project refuses (a UserError of another kind) is reported to its
    `failed` and not repeated.
    """

    def __init__(
        self,
        project: ReviewProject,
        on_state: Callable[[SaveState], None],
        *,
        on_mask: Callable[[Case], None] | None = None,
        rescue: Path | None = None,
        retry_seconds: float = 2.0,
    ) -> None:
        """on_state : called at every change, on one of the saver's threads. rescue : see recovery.

        on_mask : called for each case whose mask was saved, as it is then; on the saver's thread.
        """
        self._project = project
        self._on_state = on_state
        self._on_mask = on_mask
        self._retry = retry_seconds
        self._lock = threading.Condition()
        self._telling = threading.Lock()
        self._queue: deque[_Job] = deque()  # the first is being worked on
        self._problem: UserError | None = None
        self._refused: dict[str, UserError] = {}  # by case: a mask that the project did not take
        self._numbers: dict[str, int] = {}  # strokes of each case since the saver began
        self._opened: dict[str, int] = {}  # how often each case was opened
        self._open: dict[str, tuple[int, ...]] = {}  # shape of each open case's mask
        self._hurry = self._ending = False
        self._told: SaveState | None = None
        self._rescue = rescue or rescue_folder(project.id)
        self._strokes = StrokeWriter(self._rescue, retry_seconds, self._tell)
        self._thread = threading.Thread(target=self._run, name="napari-unet saver", daemon=True)
        self._thread.start()

    def open_case(self, case_id: str, base: str | None, labels: np.ndarray) -> None:
        """Strokes of `case_id` may follow. base : revision that `labels` (uint8, a copy) are, or None.

        Nothing is written before the first stroke.
        """
        self._opened[case_id] = self._opened.get(case_id, 0) + 1
        self._open[case_id] = labels.shape
        number = self._numbers.setdefault(case_id, 0)
        path = self._project.journal_path(case_id)
        self._strokes.open(case_id, self._opened[case_id], path, base, labels, number)

    def stroke(self, case_id: str, change: Change) -> None:
        """Journal one change of the mask; takes microseconds. Raises ValueError if the case is not open."""
        if self._open.get(case_id) != change.shape:
            raise ValueError("a stroke came for a case that is not open, or for a mask of another shape")
        self._numbers[case_id] += 1
        self._strokes.stroke(case_id, change)

    def save(
        self,
        case_id: str,
        labels: np.ndarray,
        author: Author,
        note: str = "strokes",
        pixels: np.ndarray | None = None,
    ) -> None:
        """Make a revision of `labels` (uint8, a copy), the mask after the strokes so far.

        None is made if the mask is the current revision, or if it is empty and there is none. A mask that the
        project refuses stays in the journal, and the state stays Unsaved until a later one is taken.
        pixels : see `MaskStore.add_revision`.
        """
        number = self._numbers.get(case_id, 0)

        def work() -> None:
            revision = self._project.case(case_id).revision
            if revision is not None or labels.any():
                revision = self._project.add_revision(case_id, labels, author, note, pixels=pixels).id
            self._refused.pop(case_id, None)
            self._strokes.saved(case_id, number, revision, labels)
            if self._on_mask is not None:
                _call(self._on_mask, self._project.case(case_id))

        def refused(error: UserError) -> None:
            self._refused[case_id] = error

        with self._lock:
            if len(self._queue) > 1 and self._queue[-1].saves == case_id:
                self._queue.pop()  # the later mask has all that is in the earlier one
        self._post(_Job(work, _nothing, refused, saves=case_id))

    def do(
        self,
        work: Callable[[ReviewProject], _T],
        done: Callable[[_T], None] | None = None,
        failed: Callable[[UserError], None] | None = None,
    ) -> None:
        """Any other write, after those before it. `done` or `failed` is called on the saver's thread."""
        self._post(_Job(lambda: work(self._project), done or _nothing, failed or _nothing))

    def close_case(self, case_id: str) -> None:
        """No more strokes for `case_id`. Its journal goes away once every stroke is in a saved mask."""
        self._open.pop(case_id, None)
        opened = self._opened.get(case_id, 0)

        def work() -> None:
            tidy: list[tuple[Path, str]] = []
            with suppress(UserError, OSError):  # they are looked at again when the case is closed again
                tidy = needless(self._project, case_id, self._rescue)
            self._strokes.close_case(case_id, opened, tidy)

        self._post(_Job(work, _nothing, _nothing))

    def flush(self, timeout: float) -> bool:
        """Wait until everything is on the disk, at most `timeout` seconds; False if it is not."""
        self._strokes.hurry()
        with self._lock:
            self._hurry = True
            self._lock.notify_all()
            return self._lock.wait_for(self._is_idle, timeout)

    def close(self, timeout: float) -> bool:
        """Flush, then end the threads; can be called twice. False if something is not in the project.

        Strokes that could not be written are in the rescue folder then, if that could be written to.
        """
        if self._ending:
            return self._is_idle()
        until = monotonic() + timeout
        flushed = self.flush(timeout)
        with self._lock:
            self._ending = True
            self._lock.notify_all()
        self._thread.join(max(0.5, until - monotonic()))
        self._strokes.end()
        self._strokes.join(max(0.5, until - monotonic()))
        return flushed

    def _post(self, job: _Job) -> None:
        with self._lock:
            self._queue.append(job)
            self._lock.notify_all()

    def _is_idle(self) -> bool:
        return not self._queue and self._strokes.is_idle

    def _run(self) -> None:
        for folder in (self._project.journal_path("any").parent, self._rescue):
            drop_half_written(folder)
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._queue or self._ending)
                if not self._queue:
                    return
                job = self._queue[0]
                self._hurry = False
            self._tell()
            if not self._done(job):
                with self._lock:
                    self._lock.wait_for(lambda: self._hurry or self._ending, self._retry)
                    if self._ending:
                        return
                continue
            with self._lock:
                self._queue.popleft()
                self._problem = None
            self._tell()

    def _done(self, job: _Job) -> bool:
        """False if the disk, the network or a lock is in the way."""
        try:
            result = job.work()
        except (StoreFault, OSError) as error:
            self._problem = in_words(error)
            self._tell()
            return False
        except Exception as error:
            if not isinstance(error, UserError):
                log_bug("a write failed", error)
            _call(job.failed, in_words(error))
        else:
            _call(job.done, result)
        return True

    def _tell(self) -> None:
        with self._telling:
            with self._lock:
                waiting = len(self._queue) + self._strokes.waiting
                problem = self._problem or self._strokes.problem
                problem = problem or next(iter(self._refused.values()), None)
                is_idle = self._is_idle()
                self._lock.notify_all()
            state: SaveState = Saved(datetime.now(UTC)) if is_idle else Saving(max(1, waiting))
            if problem is not None:
                state = Unsaved(problem, waiting, self._strokes.rescued)
            if state != self._told:
                self._told = state
                _call(self._on_state, state)


def _nothing(result: Any) -> None:
    pass


def _call(listener: Callable[[Any], None], value: Any) -> None:
    try:
        listener(value)
    except Exception as error:  # it must not stop the writes after it
        log_bug("a listener of the saver failed", error)
