"""The engine's child process: takes one job at a time, runs its handler, sends back events and the result.

A handler is a generator function that yields events and returns the result (or a plain function); `yield`
gives back None, or a word that the window's process said meanwhile. Nothing heavy is imported before the
first job. The process ends when the pipe from its parent does.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import GeneratorType
from typing import Any, BinaryIO

from napari_unet.core.errors import UserError
from napari_unet.engine.channel import Channel
from napari_unet.engine.messages import (
    PAUSE,
    RESUME,
    Cancel,
    Cancelled,
    Failed,
    Progress,
    Run,
    Start,
    Started,
    Succeeded,
    Tell,
)
from napari_unet.engine.report import as_user_error, log_unreadable, open_log

HANDLERS = {
    "warm": "napari_unet.engine.warm:warm",
    "segment": "napari_unet.inference.segment:segment_steps",
    "first_mask": "napari_unet.inference.first_mask:first_mask_steps",
    "devices": "napari_unet.inference.device:describe_devices",
    "finetune": "napari_unet.training.finetune:fine_tune",
    "estimate": "napari_unet.training.estimate:estimate",
    "compare": "napari_unet.training.gate:compare_models",
}


class Server:
    """Runs jobs on the main thread; a second one listens, so that a cancel and the parent's end are heard."""

    def __init__(self, channel: Channel, start: Start) -> None:
        self._channel = channel
        self._start = start
        self._handlers = HANDLERS | start.handlers
        self._runs: queue.SimpleQueue[Run] = queue.SimpleQueue()
        self._cancelled = 0  # number of the last job that was cancelled
        self._told: deque[Tell] = deque()
        self._news = threading.Condition()  # guards the two above

    def serve(self) -> None:
        """Does not return."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            self._do(self._runs.get())

    def _listen(self) -> None:
        while True:
            try:
                message = self._channel.receive()
            except EOFError:  # the parent is gone
                self._channel.sweep()
                os._exit(0)  # whatever the main thread is doing
            except Exception as error:
                log_unreadable(error)
                os._exit(1)
            match message:
                case Run():
                    self._runs.put(message)
                case Cancel(job):
                    with self._news:
                        self._cancelled = job
                        self._news.notify()
                case Tell():
                    with self._news:
                        self._told.append(message)
                        self._news.notify()

    def _do(self, run: Run) -> None:
        try:
            self._channel.send(Started(run.job))
            self._channel.send(self._steps(run))
        except BrokenPipeError:
            return  # the listening thread ends this process
        except BaseException as error:
            with suppress(BrokenPipeError):
                self._channel.send(Failed(run.job, as_user_error(error, run)))

    def _steps(self, run: Run) -> Succeeded | Cancelled:
        if self._cancelled == run.job:
            return Cancelled(run.job)
        steps = self._handler(run.kind)(**run.arguments)
        if not isinstance(steps, GeneratorType):
            return Succeeded(run.job, steps)
        word = None
        while True:
            try:
                event = steps.send(word)
            except StopIteration as stop:
                return Succeeded(run.job, stop.value)
            if self._cancelled != run.job:
                self._channel.send(Progress(run.job, event))
                word = self._word(run.job)
            if self._cancelled == run.job:
                steps.close()
                return Cancelled(run.job)

    def _word(self, job: int) -> str | None:
        """What the job was told, or None; waits while it is paused, unless it is cancelled."""
        paused = False
        with self._news:
            while self._cancelled != job:
                while self._told:
                    told = self._told.popleft()
                    if told.job == job:
                        paused = told.word == PAUSE
                        if told.word not in (PAUSE, RESUME):
                            return told.word
                if not paused:
                    break
                self._news.wait()
        return None

    def _handler(self, kind: str) -> Callable[..., Any]:
        if kind not in self._handlers:
            raise UserError(f"The engine does not know how to do '{kind}'.", "Update napari-unet-lung.")
        module, function = self._handlers[kind].split(":")
        handler: Callable[..., Any] = getattr(import_module(module), function)
        self._limit_threads()
        return handler

    def _limit_threads(self) -> None:
        """Leave one core to the window."""
        torch = sys.modules.get("torch")
        if torch is not None:
            free = max(1, min(torch.get_num_threads(), _cores() - 1))
            torch.set_num_threads(self._start.threads or free)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output, kept for messages; what anyone prints goes to standard error instead."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return reader, writer


def _give_way(nice: int) -> None:
    """Let the window go first: at the processor and, where memory runs out, in staying alive."""
    if nice and sys.platform != "win32":
        os.nice(nice)
    if sys.platform == "linux":
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("500")


def main() -> None:
    """Entry of the child: `python -m napari_unet.engine.server TOKEN`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is for the parent
    token = sys.argv[1]
    channel = Channel(*_private_pipes(), mine=f"{token}c", theirs=f"{token}p")
    try:
        start = channel.receive()
    except EOFError:
        return
    _give_way(start.nice)
    crash_log = open_log(Path(start.log_folder))
    faulthandler.enable(crash_log or sys.stderr)
    Server(channel, start).serve()


if __name__ == "__main__":
    main()
