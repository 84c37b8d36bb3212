"""napari's note that PyQt5 is going out of use: nothing a reviewer can act on, and it lies over the image."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from napari_unet.widgets.napari_compat.window import notes

_BEGINS = "napari support for the PyQt5 backend is deprecated"
_WAITS_MS = (0, 500, 2000)  # it comes when the window is first shown, which may be after our docks


def clear_binding_note() -> None:
    """Close that note now and when it comes; all other notifications stay."""
    for wait in _WAITS_MS:
        QTimer.singleShot(wait, _close)


def _close() -> None:
    for text, close in notes():
        if text.startswith(_BEGINS):
            focus = QApplication.focusWidget()
            close()  # gives the canvas the keyboard
            if focus is not None:
                focus.setFocus()
