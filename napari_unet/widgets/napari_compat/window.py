"""Of napari's window: itself, its canvas, controls of layers, notifications, preferences, keys and events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from napari.layers import Layer
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QAbstractButton, QApplication, QButtonGroup, QDialog, QMainWindow, QWidget
from qtpy.sip import unwrapinstance, wrapinstance


def real_viewer(viewer: Any) -> Any:
    """The viewer itself. Docks get a proxy that hides what is private, and its layers are proxies too."""
    return getattr(viewer, "__wrapped__", viewer)


def window_of(viewer: Any) -> QMainWindow | None:
    """Qt's main window, as a parent of dialogs and for its size; None for a viewer without one.

    `viewer.window` has no public way to it.
    """
    with suppress(AttributeError, RuntimeError):
        return viewer.window._qt_window
    return None


def is_closing(viewer: Any) -> bool:
    """Whether the window is being closed: napari takes it off its list first, without any event."""
    window = window_of(viewer)
    return window is not None and window not in getattr(type(window), "_instances", (window,))


def canvas_of(viewer: Any) -> QWidget | None:
    """The Qt widget that layers are drawn on; None for a viewer without a window.

    napari passes on only what layers and the viewer can bind: not the keyboard focus, not the second button
    of the mouse while the first one is down, not the wheel.
    """
    return getattr(vispy_canvas(viewer), "native", None)


def vispy_canvas(viewer: Any) -> Any:
    """napari's own canvas, which has vispy draw the layers; None for a viewer without a window.

    Nothing of it is public.
    """
    with suppress(AttributeError, RuntimeError):
        return viewer.window._qt_viewer.canvas
    return None


def canvas_keys(viewer: Any) -> tuple[Any, Any]:
    """vispy's emitters of pressed and of released keys: where keys for the canvas arrive, from wherever.

    `bind_key` reports a press of the active layer's keys only, and not of Space, which is napari's own.
    """
    events = vispy_canvas(viewer)._scene_canvas.events
    return events.key_press, events.key_release


def mode_buttons(viewer: Any, layer: Layer) -> dict[str, QAbstractButton]:
    """The buttons of the mouse modes in napari's controls of `layer`, by mode; {} if they are elsewhere.

    A mode that is set from a program lights no button of a layer that was just added.
    """
    found = getattr(_controls(viewer, layer), "_MODE_BUTTONS", {})
    return {str(mode): button for mode, button in found.items()}


def mode_group(viewer: Any, layer: Layer) -> QButtonGroup | None:
    """The group that lets one of these buttons be lit; None if it is elsewhere. With it none can be."""
    return getattr(_controls(viewer, layer), "button_group", None)


def notes() -> Iterator[tuple[str, Callable[[], object]]]:
    """napari's notifications that are open: the text of each, and what closes it.

    They can be switched off in the preferences, all of them and for good.
    """
    with suppress(ImportError, AttributeError):
        from napari._qt.dialogs.qt_notification import NapariQtNotification

        for note in list(NapariQtNotification._instances):
            with suppress(RuntimeError):  # it went by itself
                yield note.message.text(), note.close


def show_preferences(viewer: Any, page: str) -> QDialog:
    """Open napari's preferences on the page of this name: its command for them has no choice of page."""
    dialog = viewer.window._open_preferences_dialog()
    pages = dialog._list
    found = [row for row in range(pages.count()) if pages.item(row).text() == page]
    if found:
        pages.setCurrentRow(found[0])
    return dialog


def _controls(viewer: Any, layer: Layer) -> Any:
    with suppress(AttributeError, RuntimeError):
        return viewer.window._qt_viewer.controls.widgets.get(layer)
    return None


_Kind = TypeVar("_Kind", bound=QEvent)


def as_kind(event: QEvent, kind: type[_Kind]) -> _Kind:
    """`event`, of which `type()` says that it is of this kind.

    Where memory is used again and somebody has kept an older event (vispy keeps the last press), PyQt hands
    out that one's Python object: a key that is a QMouseEvent, and has no key.
    """
    if isinstance(event, kind):
        return event
    found: _Kind = wrapinstance(unwrapinstance(event), kind)
    return found


_PYQT5_NOTE = "napari support for the PyQt5 backend is deprecated"
_NOTE_WAITS_MS = (0, 500, 2000)  # it comes when the window is first shown, which may be after our docks


def clear_binding_note() -> None:
    """Close napari's note that PyQt5 is going out of use, now and when it comes; all others stay.

    Nobody who reviews can act on it, and it lies over the image.
    """
    for wait in _NOTE_WAITS_MS:
        QTimer.singleShot(wait, _close_binding_note)


def _close_binding_note() -> None:
    for text, close in notes():
        if text.startswith(_PYQT5_NOTE):
            focus = QApplication.focusWidget()
            close()  # gives the canvas the keyboard
            if focus is not None:
                focus.setFocus()


def described_actions() -> dict[str, tuple[Any, str]]:
    """napari's actions that can have a shortcut, by name: the class whose keys they are, and what they do."""
    from napari.utils.action_manager import action_manager

    return {
        str(name): (getattr(action, "keymapprovider", None), str(action.description))
        for name, action in action_manager._actions.items()
    }


def menu_keys() -> Iterator[tuple[str, str]]:
    """Keys of napari's menus, each with the name of its command."""
    from napari._app_model import get_app_model

    for binding in get_app_model().keybindings:
        yield str(binding.keybinding), binding.command_id
