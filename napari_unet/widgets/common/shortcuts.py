"""Keys of the Correct dock, for its table and the keyboard card of Review; undo from inside a dock."""

from __future__ import annotations

from collections.abc import Callable

from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

ACTS = {
    "Shift+B": "smart brush",
    "Shift+P": "push border",
    "Shift+L": "lasso",
    "Shift+R": "paint lung, the right lung or the first label",
    "Shift+F": "paint the left lung or the second label",
    "Shift+U": "paint “not sure”",
    "Shift+E": "erase",
    "[": "smaller brush",
    "]": "larger brush",
}
"""What each key does. They work wherever the focus is, but not while somebody types."""

HELD = frozenset({ACTS["["], ACTS["]"]})

TABLE = (
    ("Ctrl+Z, Ctrl+Shift+Z", "undo, redo"),
    ("2, 1, 4, 3", "napari's brush, eraser, fill, polygon"),
    ("Shift+B, Shift+P, Shift+L", "smart brush, push border, lasso (on and off)"),
    ("Shift+R, Shift+F", "paint lung (right lung), paint left lung; in other projects the first two labels"),
    ("Shift+U, Shift+E", "paint “not sure”, erase"),
    ("[ and ], Shift and wheel", "smaller and larger brush, by about 15 %"),
    ("Space held", "move the view"),
    ("Shift held", "smart brush, lasso: erase; push border: this is not lung"),
    ("Esc", "leave the tool"),
)
"""As it is shown in the dock and on the keyboard card."""


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
