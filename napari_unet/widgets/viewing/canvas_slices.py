"""Through the slices of a stack: what a step is, and the keys for it."""

from __future__ import annotations

from napari import Viewer
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent

from napari_unet.widgets.napari_compat.window import as_kind
from napari_unet.widgets.viewing.canvas_filter import CanvasFilter

PREVIOUS_SLICE, NEXT_SLICE = "PgUp", "PgDown"

_STEPS: dict[int, int] = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}
_KEYPAD = Qt.KeyboardModifier.KeypadModifier


def has_slices(viewer: Viewer) -> bool:
    """Whether one slice of several is in view."""
    dims = viewer.dims
    return dims.ndisplay == 2 and any(dims.nsteps[axis] > 1 for axis in dims.not_displayed)


def step_slices(viewer: Viewer, steps: int) -> None:
    """Go on by so many slices, or back; no farther than to the first and the last one.

    Along the axis of the slider that was used last, as napari does.
    """
    dims = viewer.dims
    axis = dims.not_displayed[-1] if dims.last_used not in dims.not_displayed else dims.last_used
    last = int(dims.nsteps[axis]) - 1
    dims.set_current_step(axis, min(max(dims.current_step[axis] + steps, 0), last))


class CanvasSlices(CanvasFilter):
    """PageUp and PageDown on the canvas: the slice before and after, as in other viewers of CT.

    napari repeats only keys of its own while they are kept pressed, so these are taken from the canvas.
    """

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """True for what napari must not see."""
        if watched is not self._canvas or event.type() != QEvent.Type.KeyPress:
            return False
        key = as_kind(event, QKeyEvent)
        steps = _STEPS.get(key.key())
        plain = key.modifiers() & ~_KEYPAD == Qt.KeyboardModifier.NoModifier
        if steps is None or not plain or not has_slices(self._viewer):
            return False
        step_slices(self._viewer, steps)
        return True
