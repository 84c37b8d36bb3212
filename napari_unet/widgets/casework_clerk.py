"""A thread that does small things one after another, in the order in which they were given."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

_log = logging.getLogger(__name__)


class Clerk:
    """Does what is posted, in order, outside the GUI thread. `post` takes microseconds."""

    def __init__(self) -> None:
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="napari-unet clerk")
        self._thread.start()

    def post(self, task: Callable[[], None]) -> None:
        """Do `task` after all that were posted before."""
        self._tasks.put(task)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was posted is done; False if it takes longer than `timeout` seconds."""
        done = threading.Event()
        self._tasks.put(done.set)
        return done.wait(timeout)

    def close(self) -> None:
        """Finish what was posted, then end. Returns at once; the process waits for it."""
        self._tasks.put(None)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except Exception:  # the next task must not be lost with this one
                _log.exception("a task of the case work failed")
