"""The Correct dock: tools that edit a mask, each of them one step of undo."""

from __future__ import annotations

from functools import partial
from typing import Any

from napari.layers import Labels
from napari.utils.notifications import show_error
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_unet.core.correct import copy_slice, interpolate_slices
from napari_unet.core.errors import UserError
from napari_unet.core.labels import IGNORE
from napari_unet.widgets.common.forms import Fields, Foldable, WrappedLabel, key_table
from napari_unet.widgets.common.layer_picker import LayerPicker
from napari_unet.widgets.common.layers import is_mask
from napari_unet.widgets.common.shortcuts import ACTS, HELD, TABLE, forward_undo
from napari_unet.widgets.common.strokes import StrokeFollower
from napari_unet.widgets.common.window_keys import WindowKeys
from napari_unet.widgets.correct.actions import ActionBox
from napari_unet.widgets.correct.edits import MaskEditor
from napari_unet.widgets.correct.labels import NOTHING, LabelBox
from napari_unet.widgets.correct.numbers import NumbersView
from napari_unet.widgets.correct.slices import SliceBox
from napari_unet.widgets.correct.target import Target
from napari_unet.widgets.correct.toolbox import ToolBox
from napari_unet.widgets.dock import Dock
from napari_unet.widgets.napari_compat.history import redo_steps, undo_steps
from napari_unet.widgets.napari_compat.window import window_of
from napari_unet.widgets.session import is_hidden
from napari_unet.widgets.viewing import HINTS

KEYS = TABLE
"""Keys for correcting, and what they do; the keyboard card has them too."""


class CorrectWidget(Dock):
    """Plugins ▸ U-Net Lung ▸ Correct."""

    TITLE = "Correct"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._layer: Labels | None = None
        self._edited: tuple[str, int] | None = None  # what was reported of an edit, and its step of undo
        self._strokes = StrokeFollower(self._on_painted, self._on_stroke)
        self.target = Target(self._session)
        self.editor = MaskEditor(self._viewer)
        self._look = QTimer(self)  # whoever adds a mask says in the same turn what is known about it
        self._look.setSingleShot(True)
        self._look.setInterval(0)
        self._look.timeout.connect(lambda: self.target.choose(self._layer))
        self._build()
        self._wire()
        self._on_chosen(self.mask.layer())

    # -- the form --

    def _build(self) -> None:
        self.mask = LayerPicker(self._viewer, is_mask, "No mask")
        self.labels = LabelBox()
        self.tools = ToolBox(self.target, self._viewer, self.editor)
        self.actions = ActionBox(self.target, self.editor)
        self.slices = SliceBox()
        self.numbers = NumbersView(self.target)
        self.undo, self.redo = QPushButton("Undo"), QPushButton("Redo")
        self.undo.setToolTip("Ctrl+Z")
        self.redo.setToolTip("Ctrl+Shift+Z")
        self.hint = WrappedLabel("Open a mask, or make one with Segment or Review.", name="hint")
        self.status = WrappedLabel(name="status")
        self.message = WrappedLabel(name="message")
        fields = Fields()
        fields.add("Mask", self.mask)
        fields.add("Paint", self.labels)
        back = QHBoxLayout()
        back.addWidget(self.undo)
        back.addWidget(self.redo)
        self._slices_title = _title("Slices")
        body = QWidget()
        column = QVBoxLayout(body)
        column.addLayout(fields)
        column.addWidget(self.hint)
        for part in (_title("With the mouse"), self.tools):
            column.addWidget(part)
        self._at_a_click = _title("One click")
        for part in (self._at_a_click, self.actions, self._slices_title, self.slices):
            column.addWidget(part)
        column.addLayout(back)
        column.addWidget(self.numbers)
        column.addWidget(Foldable("Mouse and keys", WrappedLabel(key_table(_all_keys()), name="hints")))
        column.addStretch()
        self.fill(body, self.status, self.message)

    def _wire(self) -> None:
        self.mask.chosen.connect(self._on_chosen)
        self.target.changed.connect(self._show_state)
        self._session.results_changed.connect(self._look.start)
        for part in (self.target, self.editor, self.tools):
            part.failed.connect(self._on_failed)
        for part in (self.editor, self.tools):
            part.reported.connect(self._on_reported)
        self.editor.edited.connect(self._on_edited)
        self.numbers.sides.connect(self.labels.show_sides)
        self.slices.fill_between.connect(self._on_fill_between)
        self.slices.copy_from.connect(self._on_copy)
        self.slices.marked.connect(self._on_marked)
        self.undo.clicked.connect(lambda: self._layer is not None and self._layer.undo())
        self.redo.clicked.connect(lambda: self._layer is not None and self._layer.redo())
        forward_undo(self, lambda: self._layer)
        does = (
            *(button.click for button in self.tools.buttons),
            *(partial(self.labels.choose_place, place) for place in (0, 1)),
            *(partial(self.labels.choose, label) for label in (IGNORE, NOTHING)),
            *(partial(self.tools.resize_brush, steps) for steps in (-1, 1)),
        )
        self._does = dict(zip(ACTS.values(), does, strict=True))
        self._keys = WindowKeys(window_of(self._viewer), self, HELD)
        self._keys.set_keys(ACTS)
        self._keys.pressed.connect(lambda name: self._does[name]())

    def on_shown(self, shown: bool) -> None:
        """Keys are for a dock that is there."""
        self._keys.switch(shown and self._layer is not None)

    def close_down(self) -> None:
        """Release the viewer."""
        self._keys.switch(False)
        self._look.stop()
        self._session.results_changed.disconnect(self._look.start)
        self._listen_to(None)
        self.tools.close_down()
        self.labels.follow(None)
        self.numbers.close_down()
        self.editor.close_down()
        self.target.close_down()
        self.mask.disconnect_layers()

    # -- the mask --

    def _on_chosen(self, layer: Labels | None) -> None:
        self._listen_to(layer)
        self._keys.switch(layer is not None and not is_hidden(self))
        self.status.say("")
        self.message.say("")
        self.labels.follow(layer)
        self.tools.follow(layer)
        self.target.choose(layer)
        self._look.start()

    def _listen_to(self, layer: Labels | None) -> None:
        self._layer = layer
        self._edited = None
        self._strokes.follow(layer)

    def _on_stroke(self) -> None:
        """What was reported of the last edit is out of date."""
        if self._edited is not None:
            self._edited = None
            self.status.say("")
        self._on_painted()

    def _on_painted(self) -> None:
        self._show_history()
        self._tell_undone()
        if self.target.is_volume:
            self._show_slices()

    def _show_state(self) -> None:
        self.hint.setVisible(self._layer is None)
        self.labels.offer(self.target.label_set)
        self.tools.show_state()
        self.actions.show_state()
        volume = self.target.is_volume
        self._slices_title.setVisible(volume)
        self.slices.setVisible(volume)
        if volume:
            self._show_slices()
        self.numbers.follow(self._layer)
        self._show_history()

    def _show_slices(self) -> None:
        try:
            context = self.target.context
            marked = () if context is None else context.marked
            self.slices.show_for(self._layer, self.target.lead()[-1], marked)
        except UserError as error:
            self.slices.block(str(error))

    def _show_history(self) -> None:
        layer = self._layer
        self.undo.setEnabled(layer is not None and bool(undo_steps(layer)))
        self.redo.setEnabled(layer is not None and bool(redo_steps(layer)))

    # -- stacks --

    def _on_fill_between(self, known: list[int]) -> None:
        layer, spacing = self._layer, self.target.spacing
        if layer is None:
            return
        if spacing is not None and len(spacing) != layer.ndim:
            spacing = None
        self.editor.edit(
            layer, None, lambda labels: interpolate_slices(labels, known, spacing), "Slices interpolated."
        )

    def _on_marked(self, known: list[int]) -> None:
        context = self.target.context
        if context is not None:
            context.mark(tuple(known))

    def _on_copy(self, step: int) -> None:
        layer = self._layer
        if layer is None:
            return
        try:
            at = self.target.lead()[-1]
        except UserError as error:
            self._on_failed(error)
            return
        self.editor.edit(
            layer,
            None,
            lambda labels: copy_slice(labels, at + step, at),
            f"Slice {at + step} copied.",
        )

    # -- telling --

    def _on_edited(self, text: str) -> None:
        if self._layer is not None:
            self._edited = text, len(undo_steps(self._layer))

    def _tell_undone(self) -> None:
        """After undo and redo: what the last edit did is no longer what was reported."""
        if self._edited is None or self._layer is None:
            return
        text, step = self._edited
        now = len(undo_steps(self._layer))
        if now == step:
            self.status.say(text)
        else:
            self.status.say(f"Undone: {text[:1].lower()}{text[1:]}" if now == step - 1 else "")

    def _on_reported(self, text: str) -> None:
        self._edited = None
        self.message.say("")
        self.status.say(text)

    def _on_failed(self, error: UserError) -> None:
        self._edited = None
        self.status.say("")
        self.message.warn(str(error))
        show_error(str(error))


def _all_keys() -> tuple[tuple[str, str], ...]:
    return (*KEYS, *((hint.gesture, hint.does) for hint in HINTS))


def _title(text: str) -> QLabel:
    return QLabel(f"<b>{text}</b>")
