"""Undo with the keyboard from inside a dock, as on the canvas."""

from __future__ import annotations

from collections.abc import Callable

from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

UNDO, REDO = "Ctrl+Z", "Ctrl+Shift+Z"


def forward_undo(dock: QWidget, layer: Callable[[], Labels | None]) -> None:
    """Ctrl+Z and Ctrl+Shift+Z anywhere in `dock`, floating or not, undo and redo what was done to `layer()`.

    A field in which somebody types keeps the keys for itself. napari sends keys from a dock to the active
    layer only, and none from a floating one.
    """

    def undo() -> None:
        mask = layer()
        if mask is not None:
            mask.undo()

    def redo() -> None:
        mask = layer()
        if mask is not None:
            mask.redo()

    for keys, act in ((UNDO, undo), (REDO, redo)):
        shortcut = QShortcut(QKeySequence(keys), dock)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(act)
