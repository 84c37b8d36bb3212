"""What a person opens at once: napari gives a reader one file after the other."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

_OPENS = ("open", "napari.components.viewer_model")


def opened_together() -> list[Path]:
    """All files that are opened in the call of `Viewer.open` that led here; [] outside of one.

    They are in that call's own frame and nowhere else: a reader gets the second slice of a series when
    the first one is a layer already.
    """
    frame = _opening()
    paths = () if frame is None else frame.f_locals.get("paths_") or ()
    return [Path(one) for one in paths if isinstance(one, (str, os.PathLike))]


def opened_in_window() -> bool:
    """Whether a viewer with a window, which somebody sees, opens the files that a reader gets."""
    return _viewer_with_window() is not None


def opened_by_hand() -> Any:
    """The viewer in whose window somebody opens the files that a reader gets; None for a script.

    While a window listens to its user, an event loop of Qt runs. A script that calls `Viewer.open` has none
    running yet, and goes on with the layers at once.
    """
    viewer = _viewer_with_window()
    if viewer is None:
        return None
    from qtpy.QtCore import QThread

    return viewer if QThread.currentThread().loopLevel() > 0 else None


def _viewer_with_window() -> Any:
    frame = _opening()
    viewer = None if frame is None else frame.f_locals.get("self")
    return viewer if hasattr(viewer, "window") else None


def _opening() -> FrameType | None:
    frame = sys._getframe().f_back
    while frame is not None and (frame.f_code.co_name, frame.f_globals.get("__name__")) != _OPENS:
        frame = frame.f_back
    return frame
