"""What runs on a worker, and how it looks from outside: sealed, because Dask logs and shows what it sees.

Nothing of a case but a hash leaves these classes as text: not its name, nor an error, nor a result.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from napari_unet.core.errors import UserError

_PAUSE_S = 1.0  # before another try: a worker that fails at once must not take the cases of all others


class Unfit(UserError):
    """It is this worker that cannot do it; another can, or the same one later."""


class Sealed:
    """A pickled object of which nothing shows."""

    def __init__(self, content: object) -> None:
        self._data = pickle.dumps(content)

    def open(self) -> Any:
        """What was sealed. Only on a cluster that refuses strangers."""
        return pickle.loads(self._data)

    def __sizeof__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return "Sealed"


@dataclass(frozen=True)
class Done:
    """A task that ended well."""

    result: Any


@dataclass(frozen=True)
class Failed:
    """A task that did not. reason : in words. final : it would fail anywhere. worker : where it failed."""

    reason: str
    final: bool
    worker: str = ""


def work(function: Callable[[Any], Any], sealed: Sealed, limit_s: float) -> Sealed:
    """The one function that Dask runs: `function` of what was sealed. It raises nothing."""
    with _within(limit_s):
        try:
            return Sealed(Done(function(sealed.open())))
        except Exception as error:
            final = isinstance(error, UserError) and not _is_of_the_machine(error)
            text = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    if not final:
        time.sleep(_PAUSE_S)
    return Sealed(Failed(text, final, _address()))


def _is_of_the_machine(error: BaseException | None) -> bool:
    """Whether a disk, a folder, the memory or the worker is behind it: elsewhere it may go well, or later."""
    while error is not None:
        if isinstance(error, (OSError, MemoryError, Unfit)):
            return True
        error = error.__cause__
    return False


@contextmanager
def _within(limit_s: float) -> Iterator[None]:
    """Ends the process if the block takes longer: Dask starts another, and the case goes elsewhere."""
    timer = threading.Timer(limit_s, os._exit, [1])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _address() -> str:
    from distributed import get_worker

    address: str = get_worker().address
    return address
