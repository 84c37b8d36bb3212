"""One napari viewer for many tests: opening a window and its menus takes a second, clearing it a tenth.

A test that gets the viewer from `make_napari_viewer` finds it as a new one would be: no layers, no docks, no
keys, napari's own mouse callbacks, everything in sight at its first value. Where something cannot be brought
back the viewer is closed, and the next test gets a new one; `ViewerPool.discarded` says why.
"""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from copy import deepcopy
from typing import Any
from unittest.mock import patch

from napari.settings import get_settings
from napari.utils.events import EventedModel
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QTabBar, QWidget

from napari_unet.widgets import session as session_module
from napari_unet.widgets.common import jobs
from napari_unet.widgets.finetune import training as training_module
from napari_unet.widgets.napari_compat.scene import SceneCleaning

_APP = "napari-unet-tests"
_MODELS = ("canvas", "scene", "cursor", "dims", "tooltip")
_PARTS = (*_MODELS, "help", "status", "theme", "title", "mouse_over_canvas")
_MOUSE = ("move", "wheel", "drag", "double_click")
_FOLLOWING = {"size", "viewbox", "position"}  # of canvas and pointer
_PATIENCE_S = 10.0


class ViewerPool:
    """At most one viewer. made : how many there were. users : the tests that had them."""

    def __init__(self) -> None:
        self.made = 0
        self.discarded: list[str] = []
        self._users: list[str] = []
        self._viewer: Any = None
        self._fresh: _Fresh | None = None
        self._patches = ExitStack()

    def take(self, test: str) -> Any:
        """The viewer, which belongs to this test until it calls `give_back`."""
        if self._viewer is None:
            self._make()
        self._users.append(test)
        # napari looks for garbage whenever a layer goes. What was there before the test is passed over.
        gc.collect()
        gc.freeze()
        return self._viewer

    def give_back(self, passed: bool) -> None:
        """The test is over. One that failed, or that closed the window, leaves nothing worth keeping."""
        user, viewer = self._users[-1], self._viewer
        if not hasattr(viewer.window, "_qt_window"):
            del viewer
            self.close(f"{user} closed it")
        elif not passed:
            del viewer
            self.close(f"{user} failed", may_leak=True)
        else:
            _clear(viewer)
            strange = self._fresh.restore(viewer)
            del viewer
            if strange:
                self.close(f"{user} left {', '.join(strange)}")

    def close(self, why: str = "", may_leak: bool = False) -> None:
        """Close the viewer, if there is one. Fails if anything keeps it alive: a dock that leaks does."""
        if self._viewer is None:
            return
        if why:
            self.discarded.append(why)
        users, self._users = self._users, []
        qt_viewer = self._fresh.qt_viewer
        self._fresh = None
        if hasattr(self._viewer.window, "_qt_window"):
            _clear(self._viewer)
        with patch("napari._qt.qt_main_window._QtMainWindow._save_current_window_settings"):
            self._viewer.close()
        self._viewer = None
        self._patches.close()
        _finish_deletions()
        gc.unfreeze()
        gc.collect()
        if qt_viewer() is not None and not may_leak:
            raise AssertionError(f"something keeps a closed window alive; its tests were {users}")

    def _make(self) -> None:
        """As napari's fixture does, but for as long as the viewer lives."""
        from app_model import Application
        from napari import Viewer
        from napari._app_model._app import NapariApplication, _napari_names
        from napari._qt._qapp_model.qactions import init_qactions
        from napari._qt.qt_viewer import QtViewer
        from napari._qt.threads.status_checker import StatusChecker
        from napari.plugins import _initialize_plugins

        get_settings().reset()
        for cached in (_initialize_plugins, init_qactions):
            cached.cache_clear()
            self._patches.callback(cached.cache_clear)
        app = NapariApplication(_APP)
        app.injection_store.namespace = _napari_names
        self._patches.callback(Application.destroy, _APP)
        self._patches.enter_context(patch.object(NapariApplication, "get_app_model", return_value=app))
        self._patches.enter_context(patch.object(StatusChecker, "start", lambda self: None))
        self._patches.enter_context(patch.object(QtViewer, "_get_console", _no_console))
        self._viewer = Viewer(show=True, show_welcome_screen=False)
        self._wait_exposed()
        self._fresh = _Fresh(self._viewer)
        self.made += 1
        QtViewer._instances.discard(self._viewer.window._qt_viewer)  # napari's fixture wants none to be left

    def _wait_exposed(self) -> None:
        handle = self._viewer.window._qt_window.windowHandle()
        end = time.monotonic() + _PATIENCE_S
        while not handle.isExposed() and time.monotonic() < end:
            QApplication.processEvents()
        QApplication.processEvents()


class _Fresh:
    """What a new viewer is like, to bring it back."""

    def __init__(self, viewer: Any) -> None:
        window = viewer.window._qt_window
        self.qt_viewer = weakref.ref(viewer.window._qt_viewer)
        self._values = {name: _value_of(getattr(viewer, name)) for name in _PARTS}
        self._mouse = _mouse_of(viewer)
        self._children = _children_of(window)
        self._size, self._place, self._docks = window.size(), window.pos(), _docks_of(window)

    def restore(self, viewer: Any) -> list[str]:
        """Bring everything back; returns what is left of the last test all the same."""
        window = viewer.window._qt_window
        for child in _children_of(window):
            if child not in self._children:
                child.close()
                child.deleteLater()
        _finish_deletions()
        get_settings().reset()
        for name, value in self._values.items():
            _set(viewer, name, value)
        window.resize(self._size)
        window.move(self._place)
        window._qt_viewer.setFocus()
        QApplication.processEvents()
        strange = [type(child).__name__ for child in _children_of(window) if child not in self._children]
        strange += [kind for kind, callbacks in _mouse_of(viewer).items() if callbacks != self._mouse[kind]]
        strange += [name for name, value in self._values.items() if _value_of(getattr(viewer, name)) != value]
        strange += ["keys"] if viewer.keymap else []
        strange += ["window"] if not window.isVisible() or window.size() != self._size else []
        strange += ["docks"] if _docks_of(window) != self._docks else []
        return strange


def _clear(viewer: Any) -> None:
    """Take out layers and docks, in this order, as closing the window does, and end what they have begun."""
    session = session_module._sessions.get(id(viewer))
    cleaning = SceneCleaning(viewer) if session is None else None  # else the docks have their own
    if viewer.layers:
        viewer.layers.clear()
    for frame in viewer.window._qt_window.findChildren(QDockWidget):
        widget = frame.widget()
        if frame in viewer.window._wrapped_dock_widgets.values() and widget is not None:
            viewer.window.remove_dock_widget(frame)
            widget.deleteLater()
    for dock in list(session._docks) if session is not None else []:
        session.detach(dock)
    if cleaning is not None:
        cleaning.remove()
    training_module._end(id(viewer))  # it ends with the window, which goes on here
    end = time.monotonic() + _PATIENCE_S
    while jobs._running and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.002)
    _finish_deletions()


def _finish_deletions() -> None:
    QApplication.processEvents()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()


def _children_of(window: QWidget) -> list[QWidget]:
    """The parts of the window, dialogs included. Tab bars are Qt's own: without them it crashes."""
    parts = [child for child in window.children() if isinstance(child, QWidget)]
    return [part for part in parts if not isinstance(part, QTabBar)]


def _docks_of(window: QMainWindow) -> dict[str, tuple[Any, ...]]:
    """Where napari's own docks are. Their sizes follow from the window; to restore them may crash Qt."""
    frames = [child for child in window.children() if isinstance(child, QDockWidget)]
    return {
        frame.objectName(): (window.dockWidgetArea(frame), frame.isVisible(), frame.isFloating())
        for frame in frames
    }


def _mouse_of(viewer: Any) -> dict[str, list[Any]]:
    names = (f"mouse_{kind}_callbacks" for kind in _MOUSE)
    return {name: list(getattr(viewer, name)) for name in names}


def _value_of(thing: Any) -> Any:
    """Models as dictionaries of their fields; all else by its representation, which can be compared."""
    if isinstance(thing, EventedModel):
        names = [name for name in type(thing).model_fields if name not in _FOLLOWING]
        return {name: _value_of(getattr(thing, name)) for name in names}
    if isinstance(thing, Mapping):
        return {name: _value_of(value) for name, value in thing.items()}
    return _Leaf(deepcopy(thing))


class _Leaf:
    """A value that is not a model, equal to another that looks the same: some are arrays."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Leaf) and repr(self.value) == repr(other.value)


def _set(owner: Any, name: str, value: Any) -> None:
    """Give a field, and the fields of a model below it, the values that they had."""
    thing = owner[name] if isinstance(owner, Mapping) else getattr(owner, name)
    if isinstance(value, dict):
        for part, below in value.items():
            _set(thing, part, below)
    elif _Leaf(thing) != value:
        with suppress(AttributeError, TypeError, ValueError):  # it is reported as strange if it matters
            setattr(owner, name, deepcopy(value.value))


def _no_console(*_: Any) -> QWidget:
    widget = QWidget()
    widget._update_theme = lambda *_: None
    return widget
