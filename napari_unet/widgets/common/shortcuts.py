"""Keys of the Correct dock, for the dock, its table of keys, and whoever gives keys to something else."""

from __future__ import annotations

ACTS = {
    "Shift+B": "smart brush",
    "Shift+P": "push border",
    "Shift+L": "lasso",
    "Shift+R": "paint lung, the right lung or the first label",
    "Shift+F": "paint the left lung or the second label",
    "Shift+U": "paint “not sure”",
    "Shift+E": "paint nothing: erase",
    "[": "smaller brush",
    "]": "larger brush",
}
"""What each key does. They work wherever the focus is, but not while somebody types."""

HELD = frozenset({ACTS["["], ACTS["]"]})

TABLE = (
    ("Ctrl+Z, Ctrl+Shift+Z", "undo, redo"),
    ("2, 1, 4, 3", "napari's brush, eraser, fill, polygon"),
    ("Shift+B, Shift+P, Shift+L", "smart brush, push border, lasso: on and off"),
    ("Shift+R, Shift+F", "paint lung (right lung), left lung; else the first two labels"),
    ("Shift+U, Shift+E", "paint “not sure”, erase"),
    ("[ and ], Shift and wheel", "smaller and larger brush, by about 15 %"),
    ("Space held", "move the view"),
    ("Shift held", "smart brush, lasso: erase; push border: no lung"),
    ("Esc", "leave the tool"),
)
"""As it is shown in the dock and on the keyboard card."""
