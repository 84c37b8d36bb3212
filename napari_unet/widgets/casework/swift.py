"""Showing a case without keeping the window: what napari would do twice or first of all on the GUI thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


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


@cache
def _units() -> Any:
    import pint

    return pint.UnitRegistry()


def _wake() -> None:
    import pandas  # noqa: F401

    _units()
