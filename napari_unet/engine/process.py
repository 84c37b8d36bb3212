"""The child process as its parent sees it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, cast

from napari_unet.engine.channel import Channel
from napari_unet.engine.leftovers import Claim, sweep
from napari_unet.engine.messages import Start


@dataclass(frozen=True)
class Gone:
    """The child's last word. code : its exit code, negative for a signal."""

    code: int


class Child:
    """One run of `python -m napari_unet.engine.server`. Raises OSError if it cannot be started.

    deliver(child, message) is called on a thread of this child's own for every message, last with `Gone`.
    A plain new interpreter and not multiprocessing: that would import the parent's `__main__` again, which
    may be napari, a notebook or a script without a guard. Modules are found as in the parent.
    """

    def __init__(self, start: Start, deliver: Callable[[Child, object], None]) -> None:
        sweep()
        self._claim = Claim()
        token = self._claim.token
        self._deliver = deliver
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "napari_unet.engine.server", token],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if sys.__stderr__ is None else None,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path)},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError:
            self._claim.end()
            raise
        reader, writer = cast(BinaryIO, self._process.stdout), cast(BinaryIO, self._process.stdin)
        self._channel = Channel(reader, writer, mine=f"{token}p", theirs=f"{token}c")
        self._reader = threading.Thread(target=self._read, name="engine reader", daemon=True)
        self._reader.start()
        with suppress(BrokenPipeError):  # `Gone` reports it
            self._channel.send(start)

    def send(self, message: object) -> None:
        """As Channel.send."""
        self._channel.send(message)

    def kill(self) -> None:
        """End the child at once. `Gone` follows."""
        self._process.kill()

    def close(self, patience_s: float = 1.0) -> None:
        """End the child: close its pipe, and kill it if that does not do. Waits until it is gone."""
        self._channel.hang_up()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join(patience_s)

    def _read(self) -> None:
        try:
            while True:
                self._deliver(self, self._channel.receive())
        except (EOFError, OSError):
            pass
        except Exception:
            logging.getLogger(__name__).exception("a message from the engine cannot be read")
            self.kill()
        code = self._process.wait()
        self._channel.sweep()
        self._channel.close()
        self._claim.end()
        self._deliver(self, Gone(code))
