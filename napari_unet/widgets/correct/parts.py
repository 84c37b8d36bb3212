"""Small parts of the Correct dock's form."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSpinBox, QWidget

from napari_unet.widgets.common.forms import Fields


def checkable(text: str) -> QPushButton:
    """A button that stays down."""
    button = QPushButton(text)
    button.setCheckable(True)
    return button


def number(low: int, high: int, unit: str, tip: str) -> QSpinBox:
    """A number that can be typed."""
    box = QSpinBox()
    box.setRange(low, high)
    box.setSuffix(unit)
    box.setToolTip(tip)
    box.setKeyboardTracking(False)
    box.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
    return box


def choice(options: Any) -> QComboBox:
    """A box to choose one of an enumeration in."""
    box = QComboBox()
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    box.addItems([str(option).capitalize() for option in options])
    return box


def beside(slider: QWidget, number: QWidget) -> QHBoxLayout:
    """A slider and its number in one row."""
    row = QHBoxLayout()
    row.addWidget(slider, stretch=1)
    number.setFixedWidth(64)
    row.addWidget(number)
    return row


def rows_of(*rows: tuple[str, Any]) -> Fields:
    """Rows of a name and a field."""
    fields = Fields()
    for name, field in rows:
        fields.add(name, field)
    return fields


def widget_of(fields: Fields) -> QWidget:
    """A widget that holds these rows, to be shown and hidden as a whole."""
    part = QWidget()
    fields.setContentsMargins(0, 0, 0, 0)
    part.setLayout(fields)
    return part
