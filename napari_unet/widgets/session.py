"""Session: what the docks of one viewer share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari.layers import Image, Labels, Layer
from psygnal import EmitLoopError
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QDockWidget, QWidget
from superqt.utils import qdebounced

from napari_unet.core.errors import UserError
from napari_unet.core.image_kind import XRAY
from napari_unet.engine.client import ChildEngine
from napari_unet.engine.protocol import Engine
from napari_unet.models.library import ModelLibrary
from napari_unet.widgets.common.layers import lies_over
from napari_unet.widgets.common.mask_context import MaskContext
from napari_unet.widgets.common.preferences import chosen_library, preferences, watch_library
from napari_unet.widgets.common.results import MaskResult
from napari_unet.widgets.napari_compat.window import clear_binding_note, real_viewer
from napari_unet.widgets.viewing import Viewing, install_viewing

if TYPE_CHECKING:
    from napari_unet.widgets.casework.work import CaseWork
    from napari_unet.widgets.viewing.outlines import MaskOutlines

_TYPED_MS = 400  # after the last letter of a folder's name in the preferences
_sessions: dict[int, Session] = {}
_made: WeakKeyDictionary[Labels, MaskResult] = WeakKeyDictionary()  # also while no dock is open


def session_of(napari_viewer: Any) -> Session:
    """The session of a viewer, from the first call until the last of its docks is closed."""
    viewer = real_viewer(napari_viewer)
    session = _sessions.get(id(viewer))
    if session is None:
        session = _sessions[id(viewer)] = Session(viewer)
    return session


def frame_of(widget: QWidget) -> QDockWidget | None:
    """The frame that napari put around a widget, if it is in a dock."""
    part: QWidget | None = widget
    while part is not None and not isinstance(part, QDockWidget):
        part = part.parentWidget()
    return part


def is_hidden(widget: QWidget) -> bool:
    """Whether the dock around a widget was closed by the user; one behind another tab is not."""
    frame = frame_of(widget)
    return frame is not None and frame.isHidden()


class Session(QObject):
    """The engine, the model in use and the results of one viewer, while docks of ours are open in it.

    model : the name of the one that was chosen last, for any kind of image. model_changed : it is another.
    library_changed : there is a new model.
    results_changed : a mask layer came or went, or more is known about one.
    """

    model_changed = Signal(str)
    library_changed = Signal()
    results_changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self._chosen: dict[str, str] = {}  # models, by the kind of image, that were chosen in this window
        self.model = self.model_for(XRAY)
        self._results: dict[Labels, MaskResult] = {
            layer: _made[layer] for layer in viewer.layers if layer in _made
        }
        self._contexts: dict[Labels, MaskContext] = {}
        self._docks: list[object] = []
        self._hidden: set[object] = set()  # docks that were closed, and can be shown again
        self._engine: Engine | None = None
        self._cluster_engine: Engine | None = None
        self._viewing: Viewing | None = None
        self._casework: CaseWork | None = None
        self._folder_typed = qdebounced(self._on_library, timeout=_TYPED_MS, parent=self)
        self._unwatch_library: Callable[[], None] | None = None

    @property
    def casework(self) -> CaseWork:
        """The review of this viewer; the docks Review and Correct share it."""
        if self._casework is None:
            from napari_unet.widgets.casework.work import CaseWork

            self._casework = CaseWork(self)
        return self._casework

    @property
    def outlines(self) -> MaskOutlines | None:
        """Masks filled or as outlines, while a dock is open."""
        return None if self._viewing is None else self._viewing.outlines

    @property
    def engine(self) -> Engine:
        """The child process that all torch work is done in; it starts with the first request."""
        if self._engine is None:
            self._engine = ChildEngine(threads=preferences().threads)
        return self._engine

    @property
    def cluster_engine(self) -> Engine:
        """A child process for what runs on a cluster: the other one stays free for the window."""
        if self._cluster_engine is None:
            self._cluster_engine = ChildEngine(threads=1)
        return self._cluster_engine

    def attach(self, dock: object) -> None:
        """`dock` is open now. The first one brings window/level, keys and marks into the viewer."""
        if dock in self._docks:
            return
        if not self._docks:
            _sessions[id(self.viewer)] = self
            self._viewing = install_viewing(self.viewer)
            clear_binding_note()
            self._unwatch_library = watch_library(self._folder_typed)
            self.viewer.layers.events.removed.connect(self._on_removed)
        self._docks.append(dock)

    def detach(self, dock: object) -> None:
        """`dock` is closed. With the last one the engine ends and the viewer is as it was."""
        if dock not in self._docks:
            return
        self._docks.remove(dock)
        self._hidden.discard(dock)
        if self._docks:
            self._rest_if_hidden(was_hidden=False)
            return
        _sessions.pop(id(self.viewer), None)
        if self._casework is not None:
            with suppress(EmitLoopError):  # the canvas of a window that closes goes before its layers
                self._casework.shut()
            self._casework = None
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        self._folder_typed.cancel()
        if self._unwatch_library is not None:
            self._unwatch_library()
            self._unwatch_library = None
        if self._viewing is not None:
            self._viewing.remove()
            self._viewing = None
        self._results.clear()
        self._contexts.clear()
        for engine in (self._engine, self._cluster_engine):
            if engine is not None:
                threading.Thread(target=engine.close, name="napari-unet end of engine").start()
        self._engine = self._cluster_engine = None

    def show_dock(self, dock: object, shown: bool) -> None:
        """`dock` was hidden or shown again. While all are hidden, no case is open."""
        was_hidden = self._all_hidden()
        if shown:
            self._hidden.discard(dock)
        elif dock in self._docks:
            self._hidden.add(dock)
        self._rest_if_hidden(was_hidden)

    def _all_hidden(self) -> bool:
        return bool(self._docks) and all(dock in self._hidden for dock in self._docks)

    def _rest_if_hidden(self, was_hidden: bool) -> None:
        if self._casework is not None and self._all_hidden() != was_hidden:
            with suppress(EmitLoopError):  # as in detach
                self._casework.rest(not was_hidden)

    def show_image(self, image: Image | None) -> None:
        """`image` was chosen in a dock: it is what is seen."""
        if image is not None and self._viewing is not None:
            self._viewing.image.show(image)

    def library(self) -> ModelLibrary:
        """The models of this user; "auto" means those chosen in this window, then the current ones."""
        library = chosen_library()
        library.preferred.update(self._chosen)
        return library

    def model_for(self, kind: str) -> str:
        """The name of the model in use for a kind of image (core.image_kind); "" if there is no model."""
        try:
            return self.library().for_kind(kind).card.name
        except UserError:
            return ""

    def use_model(self, name: str) -> None:
        """Make `name` the model in use for its kind of image."""
        self._chosen[chosen_library().kind_of(name)] = name
        if name != self.model:
            self.model = name
            self.model_changed.emit(name)

    def _on_library(self) -> None:
        """Another model folder was chosen in the preferences: its models are offered from now on."""
        self._chosen.clear()
        current = chosen_library().current()
        self.library_changed.emit()
        self.use_model(current or self.model_for(XRAY))

    def keep_result(self, layer: Labels, result: MaskResult) -> None:
        """`layer` shows `result`, for as long as it is in the viewer."""
        self._results[layer] = _made[layer] = result
        lies_over(layer, result.image())
        self.results_changed.emit()

    def result_of(self, layer: Layer | None) -> MaskResult | None:
        """What belongs to a mask layer, or None if no model made it."""
        return self._results.get(layer)

    def keep_context(self, layer: Labels, context: MaskContext) -> None:
        """`context` is what is known about the mask in `layer`, for as long as it is in the viewer."""
        self._contexts[layer] = context
        lies_over(layer, context.image())
        self.results_changed.emit()

    def context_of(self, layer: Layer | None) -> MaskContext | None:
        """What is known about a mask layer: as it was set, or from its result; None if nothing is."""
        if layer in self._contexts:
            return self._contexts[layer]
        result = self._results.get(layer)
        return None if result is None else result.context()

    def layers_of(self, image: Image, index: tuple[int, ...] | None) -> list[Labels]:
        """The mask layers of an image that show anything of one slice of it; None for all slices."""
        return [
            layer
            for layer, result in self._results.items()
            if result.image() is image and (index is None or result.index in (None, index))
        ]

    def _on_removed(self, event: Any) -> None:
        self._contexts.pop(event.value, None)
        if self._results.pop(event.value, None) is not None:
            self.results_changed.emit()
