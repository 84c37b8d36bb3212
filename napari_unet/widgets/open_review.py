"""napari with the docks Review and Correct on a review project.

Run as `python -m napari_unet.widgets.open_review PROJECT`, so that the window has a process without torch.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import napari
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow

from napari_unet.widgets.correct import CorrectWidget
from napari_unet.widgets.dock import menu_name
from napari_unet.widgets.napari_compat.window import window_of
from napari_unet.widgets.review import ReviewWidget
from napari_unet.widgets.session import session_of

_SIZE = (1400, 900)  # of the window, in pixels, where the screen has room for it
_WIDTH = 430  # of the docks, in pixels: all of Review can be read, and the image has most of the window


def open_review(viewer: Any, project: Path) -> Any:
    """Adds both docks to a viewer, Review in front, and opens the project; returns the job that opens it."""
    dock, _ = (
        viewer.window.add_dock_widget(kind(viewer), name=menu_name(kind.TITLE), area="right", tabify=tabify)
        for kind, tabify in ((ReviewWidget, False), (CorrectWidget, True))
    )
    QTimer.singleShot(0, partial(_show, window_of(viewer), dock))
    return session_of(viewer).casework.open_project(project)


def _show(window: QMainWindow, dock: QDockWidget) -> None:
    """Qt lays out tabs on the next turn: the last one in front, and as narrow as it can be."""
    dock.raise_()
    window.resizeDocks([dock], [_WIDTH], Qt.Orientation.Horizontal)


def fit_screen(window: QMainWindow) -> None:
    """A comfortable size; on a small screen all of it, and no more."""
    screen = window.screen().availableGeometry()
    width, height = min(_SIZE[0], screen.width()), min(_SIZE[1], screen.height())
    window.resize(width, height)
    if (width, height) != _SIZE:
        window.move(screen.topLeft())
        window.showMaximized()


def main() -> None:
    """Stays open until the window is closed."""
    viewer = napari.Viewer()
    fit_screen(window_of(viewer))
    open_review(viewer, Path(sys.argv[1]))
    napari.run()


if __name__ == "__main__":  # the engine's child process imports this module again
    main()
