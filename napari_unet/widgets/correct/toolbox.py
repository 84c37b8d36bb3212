"""The tools for the mouse: which one is on, and its settings."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from napari_unet.core.brush_size import LARGEST, resized
from napari_unet.core.correct import TOLERANCE
from napari_unet.widgets.common.forms import Fields, WrappedLabel
from napari_unet.widgets.common.jobs import in_words
from napari_unet.widgets.common.shortcuts import ACTS
from napari_unet.widgets.common.threshold import ThresholdSlider
from napari_unet.widgets.correct.actions import NO_FIRST
from napari_unet.widgets.correct.canvas_tool import CanvasTool
from napari_unet.widgets.correct.drawn import Inside, Says, is_inside, lassoed, painted_label, pushed
from napari_unet.widgets.correct.edits import MaskEditor
from napari_unet.widgets.correct.parts import beside, checkable, choice, number, rows_of, widget_of
from napari_unet.widgets.correct.target import Plane, Target
from napari_unet.widgets.correct.tools import FreeLine, SmartBrush
from napari_unet.widgets.napari_compat.window import canvas_of

_KEYS = tuple(ACTS)[:3]
_NO_IMAGE = "There is no image of this size under the mask: open it, or make it visible."
_SIZE = "Width of the brush, napari's own as well. Keys: [ and ], or Shift and the wheel."
_NO_MAP = "There is no probability map: only masks that a model made here have one."
_HINTS = (
    "Paints only what looks like the place where you begin. A preview shows what it would paint. "
    "Hold Shift to erase.",
    "Start inside the lung and drag to where its border should be, or start outside and drag into the "
    "excess. The border nearby is redrawn.",
    "Draw around an area; what is inside changes when you release the button.",
)


class ToolBox(QWidget):
    """One of three tools, or none. failed : a UserError. reported : a sentence.

    `_chosen` is the tool that the user switched on. Where it cannot be used (the mask is hidden or not the
    active layer, another plane is in view) it is off and not lit, and comes back as soon as it can be used.
    """

    failed = Signal(object)
    reported = Signal(str)

    def __init__(self, target: Target, viewer: Any, editor: MaskEditor) -> None:
        super().__init__()
        self._target, self._viewer, self._editor = target, viewer, editor
        self._layer: Labels | None = None
        self._chosen: int | None = None
        self._lasso_line: tuple[Plane, np.ndarray] | None = None
        self._preferred = Inside.THRESHOLD
        self._build()
        self.brush = SmartBrush(target, viewer, lambda: self.tolerance.value() / 100)
        self.scribble = FreeLine(target, viewer, closed=False)
        self.lasso = FreeLine(target, viewer, closed=True)
        self._tools: tuple[CanvasTool, ...] = (self.brush, self.scribble, self.lasso)
        self.scribble.drawn.connect(self._on_scribble)
        self.lasso.drawn.connect(self._on_lasso)
        for at, (tool, button) in enumerate(zip(self._tools, self.buttons, strict=True)):
            tool.ended.connect(lambda at=at: self._on_toggled(at, False))
            tool.suspended.connect(self.show_state)
            tool.refused.connect(self.reported)
            tool.failed.connect(self.failed)
            button.toggled.connect(lambda on, at=at: self._on_toggled(at, on))
        viewer.layers.selection.events.active.connect(self.show_state)
        self.show_state()

    def _build(self) -> None:
        self.buttons = tuple(checkable(text) for text in ("Smart brush", "Push border", "Lasso"))
        row = QHBoxLayout()
        for button in self.buttons:
            row.addWidget(button)
        self.size = number(1, LARGEST, " px", _SIZE)
        self.size_slider = QSlider(Qt.Orientation.Horizontal)
        self.size_slider.setRange(1, LARGEST)
        self.size_slider.valueChanged.connect(self.size.setValue)
        self.size.valueChanged.connect(self._on_size)
        self.tolerance = number(1, 100, " %", "How different a pixel may look. 100 % is a plain brush.")
        self.tolerance_slider = QSlider(Qt.Orientation.Horizontal)
        self.tolerance_slider.setRange(1, 100)
        self.tolerance_slider.valueChanged.connect(self.tolerance.setValue)
        self.tolerance.valueChanged.connect(self.tolerance_slider.setValue)
        self.tolerance.setValue(round(100 * TOLERANCE))
        self.says = choice(Says)
        self.inside = choice(Inside)
        self.inside.activated.connect(self._on_wish)
        self.threshold = ThresholdSlider()
        self.threshold.set_value(0.5)
        self.threshold.settled.connect(self._on_threshold)
        self.parts = [widget_of(self._brush_fields()), widget_of(rows_of(("Scribble", self.says))), QWidget()]
        fields = Fields()
        fields.add("Inside", self.inside)
        self._threshold_name = fields.add("Threshold", self.threshold)
        self.parts[2] = widget_of(fields)
        self.hint = WrappedLabel(name="tool-hint")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        for part in self.parts:
            column.addWidget(part)
        column.addWidget(self.hint)

    def _brush_fields(self) -> Fields:
        return rows_of(
            ("Size", beside(self.size_slider, self.size)),
            ("Tolerance", beside(self.tolerance_slider, self.tolerance)),
        )

    def follow(self, layer: Labels | None) -> None:
        """Use the tool that is on for `layer` from now on; it stays chosen while there is none."""
        if layer is self._layer:
            return
        if self._layer is not None:
            self._layer.events.brush_size.disconnect(self._show_size)
            self._layer.events.selected_label.disconnect(self._show_names)
            self._layer.events.visible.disconnect(self._on_visible)
        for tool in self._tools:
            tool.off()
        self._lasso_line = None
        self._layer = layer
        if layer is not None:
            layer.events.brush_size.connect(self._show_size)
            layer.events.selected_label.connect(self._show_names)
            layer.events.visible.connect(self._on_visible, position="last")
            self._show_size()
        self.show_state()

    def show_state(self, *_: object) -> None:
        """Which tools can be used now, and why not; only the settings of the one that is on."""
        reasons = self._reasons()
        for at, button in enumerate(self.buttons):
            button.setEnabled(not reasons[at])
            button.setToolTip(reasons[at] or f"{self._hint(at)} Key: {_KEYS[at]}.")
        self._switch(reasons)
        for at, button in enumerate(self.buttons):
            self.parts[at].setVisible(button.isChecked())
        on = next((at for at, button in enumerate(self.buttons) if button.isChecked()), None)
        why = "" if self._chosen is None or self._layer is None else reasons[self._chosen]
        self.hint.say(self._hint(on) if on is not None else why)
        self._offer_uses(self._target.plane())
        self._show_names()

    def close_down(self) -> None:
        """Give the mouse back."""
        self._chosen = None
        self.follow(None)
        self._viewer.layers.selection.events.active.disconnect(self.show_state)

    def _reasons(self) -> tuple[str, ...]:
        """Why each tool cannot be used now; "" if it can, or could once the slice is loaded."""
        obstacle, plane = self._target.obstacle(), self._target.plane()
        if self._layer is None or obstacle is not None:
            return (str(obstacle or ""),) * len(self.buttons)
        no_image = _NO_IMAGE if plane is not None and plane.image is None else ""
        return no_image, no_image, ""

    def _switch(self, reasons: tuple[str, ...]) -> None:
        """The chosen tool is on if it can be used now, all others are off; what is on is lit."""
        layer, chosen = self._layer, self._chosen
        seen = layer is not None and layer.visible and self._viewer.layers.selection.active is layer
        wanted = None if not seen or chosen is None or reasons[chosen] else self._tools[chosen]
        for tool in self._tools:
            if tool is not wanted:
                tool.off()
        if layer is not None and wanted is not None and not wanted.is_on:
            wanted.on(layer)
        for at, button in enumerate(self.buttons):
            button.blockSignals(True)
            button.setChecked(at == chosen and (wanted is not None or layer is None))
            button.blockSignals(False)

    def _on_visible(self, _event: Any = None) -> None:
        self.show_state()

    def _offer_uses(self, plane: Plane | None) -> None:
        """Grey what the lasso cannot do here; what was chosen comes back once it can be done."""
        lacking = {}
        if plane is not None and plane.probability is None:
            lacking[Inside.THRESHOLD] = _NO_MAP
        if plane is not None and plane.model is None:
            lacking[Inside.MODEL] = NO_FIRST
        for row, use in enumerate(Inside):
            item = self.inside.model().item(row)
            item.setEnabled(use not in lacking)
            item.setToolTip(lacking.get(use, ""))
        possible = [use for use in Inside if use not in lacking]
        now = self._preferred if self._preferred in possible else possible[0]
        self.inside.setCurrentIndex(list(Inside).index(now))
        self.threshold.setVisible(now == Inside.THRESHOLD)
        self._threshold_name.setVisible(now == Inside.THRESHOLD)

    def _on_wish(self, row: int) -> None:
        self._preferred = list(Inside)[row]
        self.show_state()

    def _inside(self) -> Inside:
        return list(Inside)[self.inside.currentIndex()]

    # -- one tool at a time --

    def _on_toggled(self, at: int, on: bool) -> None:
        """The user switched a tool on or off, or it ended."""
        if on:
            self._chosen = at
            if self._layer is not None:
                self._viewer.layers.selection.active = self._layer
                if not self._layer.visible:  # for one that is visible napari would take up an older tool
                    self._layer.visible = True
                canvas = canvas_of(self._viewer)
                if canvas is not None:
                    canvas.setFocus()
        elif self._chosen == at:
            self._chosen = None
        self._lasso_line = None
        self.show_state()

    def _on_size(self, size: int) -> None:
        self.size_slider.setValue(size)
        if self._layer is not None and self._layer.brush_size != size:
            self._layer.brush_size = size

    def resize_brush(self, steps: int) -> None:
        """A smaller or larger brush, by steps that one can feel."""
        if self._layer is not None:
            self._layer.brush_size = resized(self._layer.brush_size, steps)

    def _show_size(self) -> None:
        if self._layer is not None:
            self.size.blockSignals(True)
            self.size.setValue(int(self._layer.brush_size))
            self.size.blockSignals(False)
            self.size_slider.blockSignals(True)
            self.size_slider.setValue(int(self._layer.brush_size))
            self.size_slider.blockSignals(False)

    def _name(self) -> str:
        """Of what a scribble pushes: lung, or the label that is chosen."""
        plane = self._target.plane()
        if plane is None or plane.label_set.of_lungs:
            return "lung"
        return plane.label_set.name_of(painted_label(plane))

    def _hint(self, at: int) -> str:
        return _HINTS[at].replace("lung", self._name())

    def _show_names(self, *_: object) -> None:
        """What a scribble says is about the label that is chosen."""
        for row, says in enumerate(Says):
            self.says.setItemText(row, says.of(self._name()).capitalize())

    # -- what was drawn --

    def _on_scribble(self, plane: Plane, points: np.ndarray, shift: bool) -> None:
        try:
            says = Says.NOT if shift else list(Says)[self.says.currentIndex()]
            inside = is_inside(plane, points, says)
            make = pushed(plane, points, inside)
        except Exception as error:
            self.failed.emit(in_words(error))
            return
        what = self._name()
        within = f"the line lies within the {what}." if inside else f"no {what} there."
        nothing = f"Nothing to push: {within}"
        done = "Border pushed outwards." if inside else "Border pushed inwards."
        self._editor.edit(plane.layer, plane.lead, make, done, nothing)

    def _on_lasso(self, plane: Plane, points: np.ndarray, shift: bool) -> None:
        if len(points) < 3:
            return
        self._lasso_line = (plane, points)
        use = Inside.NOTHING if shift else self._inside()
        if use == Inside.THRESHOLD:
            self.lasso.keep(plane, points)
            self.reported.emit("Move the threshold to change what is inside the line.")
        self._change_inside(use)

    def _on_threshold(self) -> None:
        """Again, for the lasso that is still shown."""
        if self._lasso_line is not None and self._inside() == Inside.THRESHOLD:
            plane = self._target.plane()
            if plane is not None and plane.lead == self._lasso_line[0].lead:
                self._change_inside(Inside.THRESHOLD)

    def _change_inside(self, use: Inside) -> None:
        if self._lasso_line is None:
            return
        plane, points = self._lasso_line
        try:
            make = lassoed(plane, points, use, self.threshold.value(), int(plane.layer.selected_label))
        except Exception as error:
            self.failed.emit(in_words(error))
            return
        self._editor.edit(plane.layer, plane.lead, make, "Changed inside the lasso.")
