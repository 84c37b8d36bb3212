"""The tools for the mouse: which one is on, and its settings."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSlider, QSpinBox, QVBoxLayout, QWidget

from napari_unet.core.correct import TOLERANCE
from napari_unet.core.errors import UserError
from napari_unet.core.labels import IGNORE
from napari_unet.widgets.correcting.drawn import Inside, Says, is_inside, lassoed, pushed
from napari_unet.widgets.correcting.edits import MaskEditor
from napari_unet.widgets.correcting.target import Plane, Target
from napari_unet.widgets.correcting.tools import CanvasTool, FreeLine, SmartBrush
from napari_unet.widgets.forms import Fields, Words
from napari_unet.widgets.threshold import ThresholdSlider

_LARGEST = 200  # brush, pixels
_NO_IMAGE = "There is no image of this size under the mask: open it, or make it visible."
_NO_MAP = "There is no probability map: only masks that a model made here have one."
_NO_FIRST = "There is no first mask to go back to: only masks of a model or of a review case have one."
_HINTS = (
    "Paints only what looks like the place where you begin. You see beforehand what it would paint. "
    "Hold Shift to erase.",
    "Begin in the lung and draw to where its border should be, or begin outside and draw into what is "
    "too much. The border nearby is found anew.",
    "Draw around a place; what is inside changes when you let go.",
)


class ToolBox(QWidget):
    """One of three tools, or none. failed : a UserError. told : a sentence."""

    failed = Signal(object)
    told = Signal(str)

    def __init__(self, target: Target, viewer: Any, editor: MaskEditor) -> None:
        super().__init__()
        self._target, self._viewer, self._editor = target, viewer, editor
        self._layer: Labels | None = None
        self._lasso_line: tuple[Plane, np.ndarray] | None = None
        self._wish = Inside.THRESHOLD
        self._build()
        self.brush = SmartBrush(target, viewer, lambda: self.tolerance.value() / 100)
        self.scribble = FreeLine(target, viewer, closed=False)
        self.lasso = FreeLine(target, viewer, closed=True)
        self._tools: tuple[CanvasTool, ...] = (self.brush, self.scribble, self.lasso)
        self.scribble.drawn.connect(self._on_scribble)
        self.lasso.drawn.connect(self._on_lasso)
        for at, (tool, button) in enumerate(zip(self._tools, self.buttons, strict=True)):
            tool.ended.connect(lambda button=button: button.setChecked(False))
            tool.refused.connect(self.told)
            button.toggled.connect(lambda on, at=at: self._on_toggled(at, on))
        self.show_state()

    def _build(self) -> None:
        self.buttons = tuple(_checkable(text) for text in ("Smart brush", "Push border", "Lasso"))
        row = QHBoxLayout()
        for button in self.buttons:
            row.addWidget(button)
        self.size = _number(1, _LARGEST, " px", "Width of the brush, napari's own as well. Keys: [ and ]")
        self.size_slider = QSlider(Qt.Orientation.Horizontal)
        self.size_slider.setRange(1, _LARGEST)
        self.size_slider.valueChanged.connect(self.size.setValue)
        self.size.valueChanged.connect(self._on_size)
        self.tolerance = _number(1, 100, " %", "How different a pixel may look. 100 % is a plain brush.")
        self.tolerance_slider = QSlider(Qt.Orientation.Horizontal)
        self.tolerance_slider.setRange(1, 100)
        self.tolerance_slider.valueChanged.connect(self.tolerance.setValue)
        self.tolerance.valueChanged.connect(self.tolerance_slider.setValue)
        self.tolerance.setValue(round(100 * TOLERANCE))
        self.says = _choice(Says)
        self.inside = _choice(Inside)
        self.inside.activated.connect(self._on_wish)
        self.threshold = ThresholdSlider()
        self.threshold.set_value(0.5)
        self.threshold.settled.connect(self._on_threshold)
        self.parts = [_part(self._brush_fields()), _part(_fields(("Scribble", self.says))), QWidget()]
        fields = Fields()
        fields.add("Inside", self.inside)
        self._threshold_name = fields.add("Threshold", self.threshold)
        self.parts[2] = _part(fields)
        self.hint = Words(name="tool-hint")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        for part in self.parts:
            column.addWidget(part)
        column.addWidget(self.hint)

    def _brush_fields(self) -> Fields:
        return _fields(
            ("Size", _beside(self.size_slider, self.size)),
            ("Tolerance", _beside(self.tolerance_slider, self.tolerance)),
        )

    def follow(self, layer: Labels | None) -> None:
        """Use the tool that is on for `layer` from now on; it stays chosen while there is none."""
        if layer is self._layer:
            return
        if self._layer is not None:
            self._layer.events.brush_size.disconnect(self._show_size)
        for tool in self._tools:
            tool.off()
        self._lasso_line = None
        self._layer = layer
        if layer is not None:
            layer.events.brush_size.connect(self._show_size)
            self._show_size()
            for tool, button in zip(self._tools, self.buttons, strict=True):
                if button.isChecked():
                    tool.on(layer)
        self.show_state()

    def show_state(self) -> None:
        """Which tools can be used now, and why not; only the settings of the one that is on."""
        plane = self._target.plane()
        has_image = plane is not None and plane.image is not None
        waiting = self._layer is not None and plane is None
        for at, button in enumerate(self.buttons):
            possible = self._layer is not None and (waiting or has_image or button is self.buttons[2])
            button.setEnabled(possible)
            button.setToolTip(_HINTS[at] if possible else _NO_IMAGE)
            if not possible and self._layer is not None and button.isChecked():
                button.setChecked(False)
            self.parts[at].setVisible(button.isChecked())
        on = next((at for at, button in enumerate(self.buttons) if button.isChecked()), None)
        self.hint.say("" if on is None else _HINTS[on])
        self._offer_uses(plane)

    def close_down(self) -> None:
        """Give the mouse back."""
        self.follow(None)

    def _offer_uses(self, plane: Plane | None) -> None:
        """Grey what the lasso cannot do here; what was wished for comes back once it can be done."""
        lacking = {}
        if plane is not None and plane.probability is None:
            lacking[Inside.THRESHOLD] = _NO_MAP
        if plane is not None and plane.model is None:
            lacking[Inside.MODEL] = _NO_FIRST
        for row, use in enumerate(Inside):
            item = self.inside.model().item(row)
            item.setEnabled(use not in lacking)
            item.setToolTip(lacking.get(use, ""))
        possible = [use for use in Inside if use not in lacking]
        now = self._wish if self._wish in possible else possible[0]
        self.inside.setCurrentIndex(list(Inside).index(now))
        self.threshold.setVisible(now == Inside.THRESHOLD)
        self._threshold_name.setVisible(now == Inside.THRESHOLD)

    def _on_wish(self, row: int) -> None:
        self._wish = list(Inside)[row]
        self.show_state()

    def _inside(self) -> Inside:
        return list(Inside)[self.inside.currentIndex()]

    # -- one tool at a time --

    def _on_toggled(self, at: int, on: bool) -> None:
        if not on:
            self._tools[at].off()
        else:
            for other, button in enumerate(self.buttons):
                if other != at:
                    button.setChecked(False)
            if self._layer is not None:
                self._viewer.layers.selection.active = self._layer
                self._layer.visible = True
                self._tools[at].on(self._layer)
                self._viewer.window._qt_viewer.canvas.native.setFocus()
        self._lasso_line = None
        self.show_state()

    def _on_size(self, size: int) -> None:
        self.size_slider.setValue(size)
        if self._layer is not None and self._layer.brush_size != size:
            self._layer.brush_size = size

    def _show_size(self) -> None:
        if self._layer is not None:
            self.size.blockSignals(True)
            self.size.setValue(int(self._layer.brush_size))
            self.size.blockSignals(False)
            self.size_slider.blockSignals(True)
            self.size_slider.setValue(int(self._layer.brush_size))
            self.size_slider.blockSignals(False)

    # -- what was drawn --

    def _on_scribble(self, plane: Plane, points: np.ndarray, shift: bool) -> None:
        says = Says.NOT if shift else list(Says)[self.says.currentIndex()]
        inside = is_inside(plane, points, says)
        label = int(plane.layer.selected_label)
        nothing = (
            "Nothing to push: the line lies within the lung." if inside else "Nothing to push: no lung there."
        )
        try:
            make = pushed(plane, points, inside, label if label not in (0, IGNORE) else 1)
        except UserError as error:
            self.failed.emit(error)
            return
        done = "Border pushed outwards." if inside else "Border pushed inwards."
        self._editor.edit(plane.layer, plane.lead, make, done, nothing)

    def _on_lasso(self, plane: Plane, points: np.ndarray, shift: bool) -> None:
        if len(points) < 3:
            return
        self._lasso_line = (plane, points)
        use = Inside.NOTHING if shift else self._inside()
        if use == Inside.THRESHOLD:
            self.lasso.keep(plane, points)
            self.told.emit("Move the threshold to change what is inside the line.")
        self._change_inside(use)

    def _on_threshold(self) -> None:
        """Once more for the lasso that is still shown."""
        if self._lasso_line is not None and self._inside() == Inside.THRESHOLD:
            plane = self._target.plane()
            if plane is not None and plane.lead == self._lasso_line[0].lead:
                self._change_inside(Inside.THRESHOLD)

    def _change_inside(self, use: Inside) -> None:
        plane, points = self._lasso_line or (None, None)
        if plane is None:
            return
        try:
            make = lassoed(plane, points, use, self.threshold.value(), int(plane.layer.selected_label))
        except UserError as error:
            self.failed.emit(error)
            return
        self._editor.edit(plane.layer, plane.lead, make, "The inside of the lasso is changed.")


def _checkable(text: str) -> QPushButton:
    button = QPushButton(text)
    button.setCheckable(True)
    return button


def _number(low: int, high: int, unit: str, tip: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setSuffix(unit)
    box.setToolTip(tip)
    box.setKeyboardTracking(False)
    box.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
    return box


def _choice(options: Any) -> QComboBox:
    box = QComboBox()
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    box.addItems([str(option).capitalize() for option in options])
    return box


def _beside(slider: QWidget, number: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(slider, stretch=1)
    number.setFixedWidth(64)
    row.addWidget(number)
    return row


def _fields(*rows: tuple[str, Any]) -> Fields:
    fields = Fields()
    for name, field in rows:
        fields.add(name, field)
    return fields


def _part(fields: Fields) -> QWidget:
    part = QWidget()
    fields.setContentsMargins(0, 0, 0, 0)
    part.setLayout(fields)
    return part
