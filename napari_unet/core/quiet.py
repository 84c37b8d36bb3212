"""Silence for one call: what libraries log and warn about while it runs, in its own thread alone.

`warnings.catch_warnings`, `Logger.disabled` and `Logger.setLevel` switch the whole process: two threads that
come and go in the wrong order leave it switched. Here one filter is installed for good, and each thread
says for itself whether it is quiet.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_silenced: ContextVar[frozenset[str]] = ContextVar("silenced", default=frozenset())


class _Logged(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        silenced = _silenced.get()
        return not silenced or record.name.partition(".")[0] not in silenced


class _Warned:
    """Stands where a filter of `warnings` has the pattern for its text."""

    def match(self, text: str) -> bool:
        """Whether a warning is to be ignored: any, while this thread is quiet."""
        return is_quiet()


_logged = _Logged()
_warned: Any = ("ignore", _Warned(), Warning, None, 0)


def is_quiet() -> bool:
    """Whether this thread is inside `quiet`."""
    return bool(_silenced.get())


@contextmanager
def quiet(*libraries: str) -> Iterator[None]:
    """Nothing that these libraries log comes out, and no warning at all, in this thread, until the end.

    libraries : top-level names of loggers ("pydicom"). Those that are imported only inside still log their
    first line: import them before.
    """
    _install(libraries)
    token = _silenced.set(_silenced.get() | set(libraries))
    try:
        yield
    finally:
        _silenced.reset(token)


def _install(libraries: tuple[str, ...]) -> None:
    """Puts the filters in place where they are not: it can be done twice, and by two threads at once."""
    for name in {*libraries, *list(logging.root.manager.loggerDict)}:
        if name.partition(".")[0] in libraries:
            logging.getLogger(name).addFilter(_logged)
    if not warnings.filters or warnings.filters[0] is not _warned:
        warnings.filters.insert(0, _warned)  # type: ignore[attr-defined]


_install(())
