"""The engine's child process: takes one job at a time, runs its handler, sends back events and the result.

Nothing heavy is imported before the first job. The process ends when the pipe from its parent does.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from napari_unet.engine.channel import Channel
from napari_unet.engine.handlers import HANDLERS, handler_of
from napari_unet.engine.messages import Cancel, Failed, Run, Start, Started, Tell
from napari_unet.engine.report import as_user_error, log_unreadable, open_log
from napari_unet.engine.work import Said, news_of


class Server:
    """Runs jobs on the main thread; a second one listens, so that a cancel and the parent's end are heard."""

    def __init__(self, channel: Channel, start: Start) -> None:
        self._channel = channel
        self._start = start
        self._handlers = HANDLERS | start.handlers
        self._runs: queue.SimpleQueue[Run] = queue.SimpleQueue()
        self._said = Said()

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
                    self._said.cancel(job)
                case Tell():
                    self._said.tell(message)

    def _do(self, run: Run) -> None:
        news = news_of(run, self._find, self._said)
        try:
            self._channel.send(Started(run.job))
            for one in news:
                self._channel.send(one)
        except BrokenPipeError:
            return  # the listening thread ends this process
        except BaseException as error:  # what cannot be sent
            news.close()
            with suppress(BrokenPipeError):
                self._channel.send(Failed(run.job, as_user_error(error, run)))

    def _find(self, kind: str) -> Callable[..., Any]:
        handler = handler_of(kind, self._handlers)
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
