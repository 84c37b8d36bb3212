"""Of the canvas: where a layer is drawn, how layers come, and what is done after they go."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Labels, Layer
from OpenGL.error import GLError
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication

from napari_unet.widgets.napari_compat.window import vispy_canvas


def node_of(viewer: Any, layer: Layer) -> Any:
    """vispy's node of a layer, to hang lines on that are not layers; None if it is kept elsewhere."""
    visual = getattr(vispy_canvas(viewer), "layer_to_visual", {}).get(layer)
    return getattr(visual, "node", None)


def texture_step(layer: Labels) -> tuple[float, float]:
    """Pixels of a mask per pixel of its node, down and across: over 1 for one larger than a texture can be.

    napari scales what belongs to a layer by itself, and does not say by how much.
    """
    shown = list(layer._slice_input.displayed)
    scale = np.asarray(layer._transforms["tile2data"].scale, float)
    down, across = scale[shown]
    return float(down), float(across)


@contextmanager
def added_unselected(viewer: Any) -> Iterator[None]:
    """Layers that are added in it do not become active: for each, napari would restyle its buttons, choose
    controls and notify all docks. `add_layer` has no choice about it."""
    layers = viewer.layers
    layers._activate_on_insert = False
    try:
        yield
    finally:
        layers._activate_on_insert = True


_CLEANS, _UPDATES = "_clean_and_update_scenegraph", "_update_scenegraph"  # napari/napari#8122
_IDLE_MS = 2000  # without a key, the mouse or a touch
_MANY = 12  # layers that went: their memory is needed
_MOMENT_MS = 700  # the pause that is enough then; longer than it takes to show a case
_INPUT = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.KeyRelease,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseButtonRelease,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        QEvent.Type.TabletPress,
        QEvent.Type.TabletMove,
        QEvent.Type.TouchBegin,
        QEvent.Type.TouchUpdate,
        QEvent.Type.NativeGesture,
    }
)


class SceneCleaning:
    """What napari does after a layer went is done in the canvas's own OpenGL context, and in two parts.

    In napari it is one: collect garbage, so that vispy releases what belongs to the driver; wait for the
    driver; bring the scene up to date. Outside a paint event the context in which Qt puts the window together
    is the current one: shaders that the canvas still uses would be deleted there, and a later paint would
    crash in glDrawArrays. Going through all objects of the process holds the window for a fifth of a second,
    more than showing the next case does: it is done once the user pauses, and the driver waited for again.
    After a few cases without a pause, a moment in which no hand moves is enough.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._canvas: Any = None
        self._due = 0
        self._pause = Pause(self.clean)
        canvas = vispy_canvas(viewer)
        if all(callable(getattr(canvas, name, None)) for name in (_CLEANS, _UPDATES)):
            self._canvas = canvas
            setattr(canvas, _CLEANS, self._update)

    def remove(self) -> None:
        """Leave it to napari again."""
        if self._canvas is not None:
            self.clean()
            vars(self._canvas).pop(_CLEANS, None)
            self._canvas = None

    def clean(self) -> None:
        """Collect now what was put off, if anything was."""
        self._pause.cancel()
        if self._due:
            self._due = 0
            self._into_context()
            gc.collect()
            self._wait_for_driver()

    def _update(self) -> None:
        self._into_context()
        self._wait_for_driver()
        getattr(self._canvas, _UPDATES)()
        self._due += 1
        self._pause.wait(_IDLE_MS if self._due < _MANY else _MOMENT_MS)

    def _into_context(self) -> None:
        with suppress(AttributeError, RuntimeError):  # the canvas is closed
            self._canvas._scene_canvas.set_current()

    def _wait_for_driver(self) -> None:
        with suppress(AttributeError, RuntimeError, GLError):
            self._canvas._scene_canvas.context.finish()


class Pause(QObject):
    """Calls `then` once the user has touched nothing for a while; listens only while that is awaited."""

    def __init__(self, then: Callable[[], object]) -> None:
        super().__init__()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(then)

    def wait(self, ms: int) -> None:
        """Begin, or begin again with another time."""
        application = QApplication.instance()
        if not self._timer.isActive() and application is not None:
            application.installEventFilter(self)
        self._timer.start(ms)

    def cancel(self) -> None:
        """Wait no longer."""
        self._timer.stop()
        application = QApplication.instance()
        if application is not None:
            application.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Begin again at whatever the user does; all events go their way."""
        if event.type() in _INPUT:
            self._timer.start()
        return False
