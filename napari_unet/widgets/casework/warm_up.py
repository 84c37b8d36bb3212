"""Showing a case without keeping the window: what can be done before or after it on the GUI thread."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@cache
def warm_up() -> threading.Thread:
    """The thread that imports, once, what napari imports when the first layer is made (half a second)."""
    thread = threading.Thread(target=_import_pandas, name="napari-unet warm-up", daemon=True)
    thread.start()
    return thread


def ready_units() -> None:
    """Have the table of units read that the first layer needs (0.1 s), while another thread reads its pixels.

    On the GUI thread: napari uses the same table there, and a half-read one is useless.
    """
    import pint

    pint.get_application_registry().get_name("mm")


@contextmanager
def no_collection() -> Iterator[None]:
    """Python looks for no garbage in it: napari makes so many objects for a case that it would every time.

    It is looked for soon after (see `napari_compat.scene.SceneCleaning`).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _import_pandas() -> None:
    import pandas  # noqa: F401
