"""The buttons for what can be done with a case, each with its key."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from napari_unet.review.types import Reason
from napari_unet.widgets.review.actions import ACTIONS, REASON_KEYS, KeyPlan

_TEXTS = {
    "accept": "Accept",
    "reject": "Reject",
    "second_look": "Second look",
    "previous": "Previous",
    "next": "Next",
    "take_back": "Take back",
    "display": "Mask: filled",
    "probability": "Probability",
    "jump": "Next uncertain",
    "flip": "Before/after",
}
_ROWS = (
    ("accept", "reject", "second_look"),
    ("previous", "next", "take_back"),
    ("display", "probability"),
    ("jump", "flip"),
)
_MARGIN = 14  # of a button, beside its text
_ANYTIME = {"next", "previous", "take_back"}
_TITLES = {action.name: action.title for action in ACTIONS}


class DecisionBar(QWidget):
    """acted : name of the action whose button was clicked. reasoned : a Reason, or None to reject nothing."""

    acted = Signal(str)
    reasoned = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[str, QPushButton] = {}
        self.reasons: dict[Reason, QPushButton] = {}
        self._keys = KeyPlan({})
        self._rows = QWidget()
        column = QVBoxLayout(self._rows)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for names in _ROWS:
            column.addWidget(self._row(names))
        self._why = self._reasons()
        self._pages = QStackedLayout(self)  # both as high as the higher one
        self._pages.addWidget(self._rows)
        self._pages.addWidget(self._why)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.enable(has_project=False, has_case=False)

    def _row(self, names: tuple[str, ...]) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        for name in names:
            button = self.buttons[name] = _button(_TEXTS[name])
            button.clicked.connect(lambda _=False, n=name: self.acted.emit(n))
            line.addWidget(button, stretch=1)
        return row

    def _reasons(self) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        # six columns, so that the question lies under the pointer that has clicked on "Reject"
        grid.addWidget(QLabel("<b>Reject because it is …</b>"), 0, 0, 1, 4)
        self.back = _button("Cancel (Esc)")
        self.back.clicked.connect(lambda: self.reasoned.emit(None))
        grid.addWidget(self.back, 0, 4, 1, 2)
        for place, (key, reason) in enumerate(REASON_KEYS.items()):
            button = self.reasons[reason] = _button(f"{key}   {reason.value}")
            button.clicked.connect(lambda _=False, r=reason: self.reasoned.emit(r))
            grid.addWidget(button, 1 + place // 2, 3 * (place % 2), 1, 3)
        for column in range(6):
            grid.setColumnStretch(column, 1)
        return box

    def show_keys(self, plan: KeyPlan) -> None:
        """Write the keys on the buttons."""
        self._keys = plan
        for name in self.buttons:
            self._write(name, _TEXTS[name])

    def show_display(self, display: str) -> None:
        """How the mask is drawn: filled, outline or off."""
        self._write("display", f"Mask: {display}")

    def _write(self, name: str, text: str) -> None:
        key = self._keys.key_of(name)
        short = key.replace("Shift+", "⇧")
        button = self.buttons[name]
        button.setText(f"{text} ({short})" if key else text)
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance(button.text()) + _MARGIN)
        self.buttons[name].setToolTip(_TITLES[name] + (f": {key}" if key else ""))

    def ask_reason(self, asked: bool) -> None:
        """Show the reasons for a rejection in place of the buttons, or the buttons again."""
        self._pages.setCurrentWidget(self._why if asked else self._rows)

    def enable(self, *, has_project: bool, has_case: bool) -> None:
        """What can be done without a case is little."""
        for name, button in self.buttons.items():
            button.setEnabled(has_project and (has_case or name in _ANYTIME))


def _button(text: str) -> QPushButton:
    """A button that does not take the focus from the canvas when it is clicked."""
    button = QPushButton(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return button
