"""Fields for text, in docks and dialogs."""

from __future__ import annotations

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QLineEdit, QPlainTextEdit

_RETURN = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_ENDS = (*_RETURN, Qt.Key.Key_Escape)
_LINES = 2
_ROOM = 20  # pixels: above and below the lines
_AS_LINE = "QPlainTextEdit { background-color: rgba(128, 128, 128, 70); border-radius: 2px }"  # on any theme


class TextLine(QLineEdit):
    """A line of text in a dock. Return and Esc end the writing, keep the text, and do nothing else.

    A plain QLineEdit passes both on, and then they are keys of the viewer or of the review.
    left : one of them was pressed.
    """

    left = Signal()

    def event(self, event: QEvent) -> bool:
        """Before any shortcut of the window."""
        if event.type() == QEvent.Type.ShortcutOverride and event.key() in _ENDS:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return and Esc go no further."""
        super().keyPressEvent(event)
        if event.key() in _ENDS:
            event.accept()
            self.left.emit()


class TextBox(QPlainTextEdit):
    """A sentence or two in a dialog, wrapped, so that all of it can be read. textEdited : by the user."""

    textEdited = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._is_set = False
        self.setTabChangesFocus(True)
        self.setStyleSheet(_AS_LINE)
        self.setFixedHeight(_LINES * self.fontMetrics().lineSpacing() + _ROOM)
        self.textChanged.connect(self._on_changed)

    def text(self) -> str:
        """All of it, as one line."""
        return " ".join(self.toPlainText().split("\n"))

    def setText(self, text: str) -> None:
        """Show `text`."""
        self._is_set = True
        self.setPlainText(text)
        self._is_set = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return belongs to the dialog."""
        if event.key() in _RETURN:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def _on_changed(self) -> None:
        if not self._is_set:
            self.textEdited.emit(self.text())
