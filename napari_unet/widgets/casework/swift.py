"""Showing a case without keeping the window: what napari would do twice or first of all on the GUI thread."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from qtpy.QtCore import QObject, QTimer

_TURN_S = 0.0005
_TURNS_MS = 1000  # after a case was shown; it is drawn by then


@cache
def waking() -> threading.Thread:
    """The thread that imports, once, what napari imports when the first layer is made (half a second)."""
    thread = threading.Thread(target=_wake, name="napari-unet waking", daemon=True)
    thread.start()
    return thread


def use_ready_units() -> None:
    """Give napari the table of units that `waking` has read, if it has none yet. On the GUI thread."""
    import pint

    if not waking().is_alive() and isinstance(pint.application_registry.get(), pint.registry.LazyRegistry):
        pint.set_application_registry(_units())


@contextmanager
def inserted_unselected(viewer: Any) -> Iterator[None]:
    """Layers that are added in it do not become active: each time napari would restyle its buttons, choose
    controls and tell all docks."""
    layers = viewer.layers
    layers._activate_on_insert = False
    try:
        yield
    finally:
        layers._activate_on_insert = True


class ShortTurns(QObject):
    """Python's threads take turns of half a millisecond instead of five while a case is shown and drawn.

    Drawing gives up its turn at each of hundreds of calls of OpenGL. If a thread of ours is busy with Python
    (the database, imports), the window would wait a whole turn each time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._usual: float | None = None
        self._end = QTimer(self)
        self._end.setSingleShot(True)
        self._end.setInterval(_TURNS_MS)
        self._end.timeout.connect(self.end)

    def begin(self) -> None:
        """From now on, for a second."""
        if self._usual is None:
            self._usual = sys.getswitchinterval()
            sys.setswitchinterval(min(_TURN_S, self._usual))
        self._end.start()

    def end(self) -> None:
        """Turns are as they were."""
        self._end.stop()
        if self._usual is not None:
            sys.setswitchinterval(self._usual)
            self._usual = None


@cache
def _units() -> Any:
    import pint

    return pint.UnitRegistry()


def _wake() -> None:
    import pandas  # noqa: F401

    _units()
