"""Keys that work wherever the focus is in one napari window, except where somebody types text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import ref

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QKeySequenceEdit,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from napari_unet.widgets.napari_compat.window import as_kind

_KEY_EVENTS = {QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress, QEvent.Type.KeyRelease}
_TEXT = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox, QKeySequenceEdit)


class WindowKeys(QObject):
    """Catches keys before the widget that has the focus gets them: canvas, table, button, floating dock.

    Not while text is typed, while a menu or dialog is open, or outside `window` and its docks. pressed : the
    name of the action. While `offer` is in force its keys go first, and any other of ours ends the offer.
    """

    pressed = Signal(str)
    offered = Signal(str)

    def __init__(self, window: QWidget, parent: QObject, held: frozenset[str]) -> None:
        """held : names of the actions that go on while their key is held down."""
        super().__init__(parent)
        self._repeated = held
        self._window = ref(window)
        self._keys: dict[str, str] = {}
        self._offer: frozenset[str] = frozenset()
        self._is_on = False

    def set_keys(self, keys: Mapping[str, str]) -> None:
        """keys : name of the action for each key, as `normal_key` of the review actions writes it."""
        self._keys = dict(keys)

    def offer(self, keys: frozenset[str]) -> None:
        """These keys are reported by `offered` from now on; an empty set ends it."""
        self._offer = keys

    def switch(self, on: bool) -> None:
        """Listen, or leave all keys to others."""
        application = QApplication.instance()
        if on == self._is_on or application is None:
            return
        self._is_on = on
        if on:
            application.installEventFilter(self)
        else:
            application.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take our keys; everything else goes its way."""
        kind = event.type()
        if kind not in _KEY_EVENTS or not isinstance(watched, QWidget):
            return False
        event = as_kind(event, QKeyEvent)
        key = _name(event)
        name = self._keys.get(key)
        if name is None and key not in self._offer:
            return False
        if not self._is_ours(watched):
            return False
        if kind == QEvent.Type.ShortcutOverride:
            event.accept()  # it comes again as a key press, whatever shortcut somebody else has on it
        elif kind == QEvent.Type.KeyPress and QApplication.mouseButtons() == Qt.MouseButton.NoButton:
            self._press(key, name, event.isAutoRepeat())
        return True

    def _press(self, key: str, name: str | None, is_repeated: bool) -> None:
        if key in self._offer:
            if not is_repeated:
                self.offered.emit(key)
        elif name is not None and (not is_repeated or name in self._repeated):
            self.pressed.emit(name)

    def _is_ours(self, widget: QWidget) -> bool:
        if QApplication.activePopupWidget() is not None or QApplication.activeModalWidget() is not None:
            return False
        # what a line of text does not want goes on to the widgets around it: it is still typed there
        for typed in (widget, QApplication.focusWidget()):
            if isinstance(typed, _TEXT) and not _is_read_only(typed):
                return False
        if isinstance(widget, QComboBox) and widget.isEditable():
            return False
        part, window = widget, self._window()
        while part is not None and part is not window:
            if isinstance(part, QDialog) and part.isWindow():
                return False
            part = part.parentWidget()
        return part is not None


def _is_read_only(widget: Any) -> bool:
    return bool(widget.isReadOnly()) if hasattr(widget, "isReadOnly") else False


def _name(event: QKeyEvent) -> str:
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    number = getattr(modifiers, "value", modifiers)  # PyQt6 has enums, PyQt5 has numbers
    return QKeySequence(int(number) | int(event.key())).toString(QKeySequence.SequenceFormat.PortableText)
