"""Parts that docks are made of."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from magicgui.widgets import Container
from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.widgets.common.colours import is_theme_change, toned, tones_of

_FEW_ROWS = 120  # pixels
_COMFORTABLE = 330
_NAMES = 72
_EDGE, _GAP = 11, 4  # pixels beside notices, and between them


class Fields(QGridLayout):
    """Rows of a name and a field; the names of all forms take the same width."""

    def __init__(self) -> None:
        super().__init__()
        self.setColumnMinimumWidth(0, _NAMES)
        self.setColumnStretch(1, 1)

    def add(self, name: str, field: QWidget | QLayout) -> QLabel:
        """A row below the others; returns the label with the name."""
        row, label = self.rowCount(), QLabel(name)
        self.addWidget(label, row, 0)
        if isinstance(field, QLayout):
            self.addLayout(field, row, 1)
        else:
            self.addWidget(field, row, 1)
        return label

    def add_form(self, form: Container[Any]) -> None:
        """A row for each field of a magicgui form without labels of its own; keep the form alive."""
        for field in form:
            field.native.setObjectName(field.name)
            self.add(field.label, field.native)

    def add_wide(self, content: QWidget) -> None:
        """A row that has no name."""
        self.addWidget(content, self.rowCount(), 0, 1, 2)


class Toned(QLabel):
    """A label whose text may have colours: `var(--name)` of widgets.common.colours for the present theme."""

    _said = ""

    def say(self, text: str) -> None:
        """Show `text`, plain or simple HTML."""
        self._said = text
        self.setText(toned(text, tones_of(self)))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of another theme."""
        super().changeEvent(event)
        if is_theme_change(event) and "var(--" in self._said:
            shown = toned(self._said, tones_of(self))
            if shown != self.text():
                self.setText(shown)


class WrappedLabel(Toned):
    """Text that wraps, can be selected, and takes no room while it is empty."""

    def __init__(self, text: str = "", name: str = "") -> None:
        super().__init__()
        self.setObjectName(name)
        # the height follows from the width: "Minimum" would ask for that of a much narrower text
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.say(text)

    def say(self, text: str) -> None:
        """Show `text`; an empty one hides the label."""
        super().say(text)
        self.setVisible(bool(text))

    def say_plain(self, text: str) -> None:
        """Show `text` as it is, whatever signs it has; an empty one hides the label."""
        self.say(f"<span>{escape(text)}</span>" if text else "")

    def warn(self, text: str) -> None:
        """Show `text`, which is plain, behind a warning sign."""
        self.say(f"<span style='color: var(--warning)'>⚠</span> {escape(text)}")


def purpose_label() -> WrappedLabel:
    """What the masks of a dock are for, at its end."""
    return WrappedLabel("For research only; not a medical device.", name="purpose")


def key_table(rows: Iterable[tuple[str, str]]) -> str:
    """Keys or gestures and what they do, as simple HTML."""
    cells = "".join(
        f"<tr><td><b>{escape(keys)}</b>&nbsp;&nbsp;</td><td>{escape(does)}</td></tr>" for keys, does in rows
    )
    return f"<table>{cells}</table>"


def check_list(texts: Iterable[str]) -> str:
    """What a second look should go to, as simple HTML; "" if nothing should."""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<b>Please check:</b><ul style='margin: 2px 0 0 -24px'>{items}</ul>" if items else ""


class Notices(QWidget):
    """Parts that come and go, one below the other; takes no room while none is there."""

    def __init__(self, *parts: QWidget) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(_EDGE, _GAP, _EDGE, _GAP)
        column.setSpacing(_GAP)
        self._parts = parts
        for part in parts:
            part.installEventFilter(self)
            column.addWidget(part)
        self._show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Come and go with the parts."""
        if event.type() in (QEvent.Type.ShowToParent, QEvent.Type.HideToParent):
            self._show()
        return False

    def _show(self) -> None:
        self.setVisible(any(not part.isHidden() for part in self._parts))


class Foldable(QWidget):
    """A heading with an arrow; a click shows or hides what is below it.

    heads : a row that takes the heading instead, beside others.
    """

    def __init__(
        self, title: str, content: QWidget, unfolded: bool = False, heads: QHBoxLayout | None = None
    ) -> None:
        super().__init__()
        self._content = content if heads is None else self
        self._button = QToolButton()
        self._button.setText(title)
        self._button.setCheckable(True)
        self._button.setAutoRaise(True)
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.toggled.connect(self._show)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        (column if heads is None else heads).addWidget(self._button)
        column.addWidget(content)
        self._button.setChecked(unfolded)
        self._show(unfolded)

    def button(self) -> QToolButton:
        """The heading."""
        return self._button

    def _show(self, unfolded: bool) -> None:
        self._button.setArrowType(Qt.ArrowType.DownArrow if unfolded else Qt.ArrowType.RightArrow)
        self._content.setVisible(unfolded)


class _WheelGuard(QObject):
    """Lets the wheel scroll the dock instead of changing the box or slider under the mouse."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        return False


class ScrollColumn(QScrollArea):
    """`content` in an area that scrolls up and down only: wide enough for it, as low as the screen wants."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)
        guard = _WheelGuard(self)
        for kind in (QComboBox, QAbstractSlider, QAbstractSpinBox):
            for box in content.findChildren(kind):
                box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                box.installEventFilter(guard)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take no more room than the content needs once napari's style has made it smaller."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def minimumSizeHint(self) -> QSize:
        """As wide as the content needs with a scroll bar beside it, and no higher than a few rows."""
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(self.widget().minimumSizeHint().width() + bar, _FEW_ROWS)

    def sizeHint(self) -> QSize:
        """A little wider than needed, so that texts wrap less."""
        return QSize(max(_COMFORTABLE, self.minimumSizeHint().width()), self.widget().sizeHint().height())
