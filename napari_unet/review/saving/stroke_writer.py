"""The thread that writes stroke journals: nothing that a stroke could have to wait for happens here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np

from napari_unet.core.change import Change
from napari_unet.core.errors import UserError
from napari_unet.review.saving.journal import Journal
from napari_unet.review.saving.recovery import drop, drop_taken_over, make_room, put_in_rescue, settle
from napari_unet.review.saving.save_state import in_words, log_bug

_log = logging.getLogger(__name__)
_RESCUE_AFTER = 2  # failures in a row


@dataclass
class _Open:
    """A case that strokes may come for, or that has some that are not on the disk."""

    journal: Journal
    opened: int  # how often the case was opened
    in_place: bool = False  # room was made for it in the project
    closing: bool = False
    settled: bool = True  # nothing was saved since older journals were looked at
    rescued: bool = False


class StrokeWriter:
    """Writes strokes in order, each (with those that came meanwhile) flushed to the disk at once.

    What cannot be written stays in memory and is tried again every `retry_seconds`; after a few failures it
    is put into the folder `rescue` as well. All methods return at once.
    """

    def __init__(self, rescue: Path, retry_seconds: float, on_change: Callable[[], None]) -> None:
        """on_change : called on this thread whenever `waiting`, `problem` or `rescued` may have changed."""
        self.problem: UserError | None = None
        self._rescue = rescue
        self._retry = retry_seconds
        self._on_change = on_change
        self._cases: dict[str, _Open] = {}
        self._lock = threading.Condition()
        self._queue: list[Callable[[], None]] = []
        self._busy = False
        self._behind = 0
        self._failures = 0
        self._hurry = False
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="napari-unet strokes", daemon=True)
        self._thread.start()

    def open(
        self, case: str, opened: int, path: Path, base: str | None, labels: np.ndarray, number: int
    ) -> None:
        """`case` may get strokes after `number` from now on; labels : uint8, its mask, changed by nobody.

        opened : how often it was opened.
        """

        def begin() -> None:
            one = self._cases.get(case)
            if one is not None and not one.journal.is_saved:
                one.opened, one.closing = opened, False  # it was closed a moment ago and is still being saved
                return
            if one is not None:
                self._forget(case, one)
            self._cases[case] = _Open(Journal(path, base, labels, case, number), opened)

        self._post(begin)

    def stroke(self, case: str, change: Change) -> None:
        """Write one stroke."""

        def append() -> None:
            self._cases[case].journal.append(change)

        self._post(append)

    def saved(self, case: str, number: int, revision: str | None, labels: np.ndarray) -> None:
        """The project has `labels`, the mask after stroke `number` of the case, as `revision`."""

        def checkpoint() -> None:
            one = self._cases.get(case)
            if one is not None and one.journal.number > one.journal.first:
                one.journal.checkpoint(number, revision, labels)
                one.settled = False

        self._post(checkpoint)

    def close_case(self, case: str, opened: int, needless: list[tuple[Path, str]]) -> None:
        """No more strokes for `case`, unless it was opened again since.

        Its journal is deleted if the project has everything, and so are those that are `needless`.
        """

        def close() -> None:
            one = self._cases.get(case)
            if one is None or one.opened != opened:
                return
            one.closing = True
            with suppress(OSError):
                drop([(path, session) for path, session in needless if session != one.journal.session])

        self._post(close)

    @property
    def waiting(self) -> int:
        """How many records are not on the disk."""
        with self._lock:
            return len(self._queue) + self._behind

    @property
    def is_idle(self) -> bool:
        """Everything that was asked for is on the disk."""
        with self._lock:
            return not (self._queue or self._busy or self._behind or self._failures)

    @property
    def rescued(self) -> Path | None:
        """The folder that holds strokes which are not in the project, or None."""
        return self._rescue if any(one.rescued for one in list(self._cases.values())) else None

    def hurry(self) -> None:
        """Try again now what failed."""
        with self._lock:
            self._hurry = True
            self._lock.notify_all()

    def end(self) -> None:
        """Try again, put what does not work into the rescue folder, and end the thread."""
        with self._lock:
            self._ending = True
            self._lock.notify_all()

    def join(self, timeout: float) -> None:
        """Wait for the thread to end, at most `timeout` seconds."""
        self._thread.join(timeout)

    def _post(self, work: Callable[[], None]) -> None:
        with self._lock:
            self._queue.append(work)
            self._lock.notify_all()

    def _run(self) -> None:
        while True:
            with self._lock:
                self._wait()
                work, self._queue = self._queue, []
                self._busy, self._hurry, ending = True, False, self._ending
            for act in work:
                try:
                    act()
                except Exception as error:  # a bug: it must not stop the strokes after it
                    log_bug("a stroke does not fit", error)
            self._write(ending)
            with self._lock:
                self._busy = False
                done = ending and not self._queue
            self._on_change()
            if done:
                for one in self._cases.values():
                    one.journal.close()
                return

    def _wait(self) -> None:
        until = monotonic() + self._retry
        while not (self._queue or self._hurry or self._ending):
            left = until - monotonic() if self._failures else None
            if left is not None and left <= 0:
                return
            self._lock.wait(left)

    def _write(self, ending: bool) -> None:
        problem: UserError | None = None
        for case, one in list(self._cases.items()):
            try:
                self._write_case(case, one)
            except Exception as error:
                if not isinstance(error, OSError):
                    log_bug("strokes could not be written", error)
                problem = in_words(error)
                if ending or self._failures >= _RESCUE_AFTER - 1:
                    self._put_in_rescue(one)
        with self._lock:
            self._failures = self._failures + 1 if problem else 0
            self.problem = problem
            self._behind = sum(one.journal.waiting for one in self._cases.values())

    def _write_case(self, case: str, one: _Open) -> None:
        journal = one.journal
        if journal.is_behind:
            if not one.in_place:
                make_room(journal, self._rescue)
            journal.sync()
            if not one.in_place:
                one.in_place = True
                with suppress(OSError):  # then they stay where they are, and are offered from there
                    drop_taken_over(journal, self._rescue)
        if one.rescued:
            with suppress(OSError):  # it is tried again with the next stroke
                (self._rescue / journal.path.name).unlink(missing_ok=True)
                one.rescued = False
        if not one.settled:
            one.settled = True
            with suppress(OSError):
                settle(journal, self._rescue)
        if one.closing:
            self._forget(case, one)

    def _forget(self, case: str, one: _Open) -> None:
        if one.journal.is_saved:
            one.journal.remove()
        one.journal.close()
        self._cases.pop(case, None)

    def _put_in_rescue(self, one: _Open) -> None:
        if not one.journal.is_behind:
            return
        try:
            put_in_rescue(one.journal, self._rescue)
            one.rescued = True
        except OSError:
            _log.warning("the rescue folder cannot be written to")
