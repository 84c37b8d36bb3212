"""An engine's job without an engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from napari_unet.engine.job import JobCancelled


class FakeJob:
    """An engine job whose events and end the test decides."""

    patience_s = 20.0

    def __init__(self, kind: str, arguments: dict[str, Any]) -> None:
        self.kind, self.arguments = kind, arguments
        self.words: list[str] = []
        self.cancelled = False
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
        self.end(JobCancelled(self.kind))

    def result(self) -> Any:
        assert self._done.wait(self.patience_s), "the test never ended this job"
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome
