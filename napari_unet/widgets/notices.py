"""napari's note that PyQt5 is going out of use: nothing a reviewer can act on, and it lies over the image."""

from __future__ import annotations

from contextlib import suppress

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

_BEGINS = "napari support for the PyQt5 backend is deprecated"
_WAITS_MS = (0, 500, 2000)  # it comes when the window is first shown, which may be after our docks


def clear_binding_note() -> None:
    """Close that note now and when it comes; all other notifications stay."""
    for wait in _WAITS_MS:
        QTimer.singleShot(wait, _close)


def _close() -> None:
    from napari._qt.dialogs.qt_notification import NapariQtNotification

    for note in list(NapariQtNotification._instances):
        with suppress(RuntimeError):  # it went by itself
            if note.message.text().startswith(_BEGINS):
                focus = QApplication.focusWidget()
                note.close()  # gives the canvas the keyboard
                if focus is not None:
                    focus.setFocus()
