"""A thread that does small things one after another, in the order in which they were given."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

_log = logging.getLogger(__name__)
_PATIENCE_S = 30.0  # at the end of the process


class WorkerThread:
    """Does what is posted, in order, outside the GUI thread. `post` takes microseconds.

    When it is closed, or the process ends without that, it finishes what was posted.
    """

    def __init__(self, at_end: Callable[[], None] = lambda: None) -> None:
        """at_end : done last of all."""
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._at_end = at_end
        self._thread = threading.Thread(target=self._run, name="napari-unet worker", daemon=True)
        self._thread.start()
        atexit.register(self._finish)

    def post(self, task: Callable[[], None]) -> None:
        """Do `task` after all that were posted before."""
        self._tasks.put(task)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was posted is done; False if it takes longer than `timeout` seconds."""
        done = threading.Event()
        self._tasks.put(done.set)
        return done.wait(timeout)

    def close(self) -> None:
        """Finish what was posted, then end. Returns at once."""
        self._tasks.put(None)

    def join(self, timeout: float) -> bool:
        """Wait for the end after `close`; False if it takes longer than `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _finish(self) -> None:
        self.close()
        self.join(_PATIENCE_S)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            self._do(task)
        self._do(self._at_end)
        atexit.unregister(self._finish)

    def _do(self, task: Callable[[], None]) -> None:
        try:
            task()
        except Exception:  # the next task must not be lost with this one
            _log.exception("a task of the case work failed")
