"""How long somebody has worked on a case."""

from __future__ import annotations

import time
from collections.abc import Callable

IDLE_S = 60.0


class ActiveTime:
    """Seconds of work: the time between two signs of life, unless more than a minute lies between them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._seconds = 0.0

    def alive(self, *_: object) -> None:
        """The mouse was moved, something was painted, a key was pressed."""
        now = self._clock()
        if now - self._last <= IDLE_S:
            self._seconds += now - self._last
        self._last = now

    def take(self) -> float:
        """The seconds since the last call, and begin again."""
        self.alive()
        seconds, self._seconds = self._seconds, 0.0
        return seconds
