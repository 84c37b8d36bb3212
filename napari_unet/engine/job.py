"""EngineJob: one request to an engine and what comes of it. How to use it: protocol.py."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import partial
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.engine.messages import Cancelled, Failed, Outcome, Progress, Succeeded

News = Progress | Outcome

_LOOK_S = 0.5  # between two looks whether Ctrl+C was pressed: on Windows it waits for nothing less


class JobCancelled(Exception):
    """What `EngineJob.result` raises for a cancelled job."""


class EngineJob:
    """Made by `Engine.submit`. Ends exactly once.

    post : has a function called on the engine's thread. cancel : asks the engine to cancel this job.
    ask : sends it a message for this job. step : does the next piece of what waits, on the caller's thread;
    None if the engine works by itself.
    """

    def __init__(
        self,
        kind: str,
        post: Callable[[Callable[[], None]], None],
        cancel: Callable[[EngineJob], None],
        ask: Callable[[EngineJob, str], None],
        step: Callable[[], None] | None = None,
    ) -> None:
        self.kind = kind
        self._post = post
        self._cancel = cancel
        self._ask = ask
        self._step = step
        self._unwanted = False
        self._outcome: Outcome | None = None
        self._ended = threading.Event()
        self._listener: Callable[[News], None] | None = None
        self._untold: list[News] = []

    @property
    def ended(self) -> bool:
        """True once the job has succeeded, failed or been cancelled."""
        return self._ended.is_set()

    def cancel(self) -> None:
        """Take the job out of the queue, or ask it to stop and end its process if it does not listen."""
        self._unwanted = True
        self._post(partial(self._cancel, self))

    def ask(self, word: str) -> None:
        """Send a message to the job, before or while it runs; from any thread, returns at once.

        "pause" and "resume" hold it between two events. Any other word ends a pause and is what the handler's
        next `yield` gives back; a handler that does not look at it goes on as before. Nothing after the end.
        """
        self._post(partial(self._ask, self, word))

    def listen(
        self,
        *,
        on_progress: Callable[[Any], None] | None = None,
        on_success: Callable[[Any], None] | None = None,
        on_failure: Callable[[UserError], None] | None = None,
        on_cancel: Callable[[], None] | None = None,
    ) -> None:
        """Call these on the engine's thread (on the caller's once the engine is closed). Once per job."""

        def listener(news: News) -> None:
            match news:
                case Progress(_, event) if on_progress:
                    on_progress(event)
                case Succeeded(_, result) if on_success:
                    on_success(result)
                case Failed(_, error) if on_failure:
                    on_failure(error)
                case Cancelled() if on_cancel:
                    on_cancel()

        self._post(partial(self._attach, listener))

    def result(self, timeout_s: float | None = None) -> Any:
        """Wait for the end; for scripts and tests, never in a callback.

        Returns what the handler returned. Raises its UserError, JobCancelled, or TimeoutError.
        """
        self._wait(timeout_s)
        match self._outcome:
            case Succeeded(_, result):
                return result
            case Failed(_, error):
                raise error
        raise JobCancelled(self.kind)

    def events(self) -> Generator[Any, None, Any]:
        """The job as steps: yields its events as they come, returns and raises what `result` does.

        Closing it before the end cancels the job and waits for it. In place of `listen`.
        """
        heard: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        end = partial(heard.put, None)
        self.listen(
            on_progress=lambda event: heard.put(lambda: event),
            on_success=lambda _: end(),
            on_failure=lambda _: end(),
            on_cancel=end,
        )
        try:
            while True:
                while self._step is not None and heard.empty() and not self.ended:
                    self._step()
                with suppress(queue.Empty):
                    event = heard.get(timeout=_LOOK_S if self._step is None else 0)
                    if event is None:
                        return self.result()
                    yield event()
        finally:
            if not self.ended:
                self.cancel()
                self._wait(None)

    def _wait(self, timeout_s: float | None) -> None:
        """Until the end; an engine that does not work by itself works meanwhile."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._ended.is_set():
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError(f"'{self.kind}' has not ended after {timeout_s} s")
            if self._step is not None:
                self._step()
            else:
                self._ended.wait(_LOOK_S if left is None else min(left, _LOOK_S))

    def tell(self, news: News) -> None:
        """For the engine, on its thread: what has happened. A job that was cancelled can only end so."""
        if not isinstance(news, Progress):
            self._outcome = Cancelled(news.job) if self._unwanted else news
            self._ended.set()
            self._pass_on(self._outcome)
        elif not self._unwanted:
            self._pass_on(news)

    def _pass_on(self, news: News) -> None:
        if self._listener is None:
            self._untold.append(news)
            return
        try:
            self._listener(news)
        except Exception:  # the listener's mistake must not stop the engine
            logging.getLogger(__name__).exception("a listener of the job '%s' failed", self.kind)

    def _attach(self, listener: Callable[[News], None]) -> None:
        self._listener = listener
        untold, self._untold = self._untold, []
        for news in untold:
            self._pass_on(news)
