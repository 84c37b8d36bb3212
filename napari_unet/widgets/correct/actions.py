"""Buttons that change the whole slice in view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_unet.core.correct import (
    fill_holes_change,
    grow,
    keep_largest,
    mirror_lung,
    restore_in,
    smooth_border,
)
from napari_unet.widgets.common.jobs import in_words
from napari_unet.widgets.correct.edits import WAIT, Make, MaskEditor, as_labels
from napari_unet.widgets.correct.target import Plane, Target

_MOST = 20.0
_WIDE = 72  # pixels: "20.0 mm" is readable
_MM, _PIXELS = 2.0, 3.0  # to begin with
NO_FIRST = "There is no first mask to go back to: only masks of a model or of a review case have one."


@dataclass(frozen=True)
class _Action:
    text: str
    tip: str
    done: str
    make: Callable[[ActionBox, Plane], Make]


class ActionBox(QWidget):
    """What tools change at a click. They act on the slice in view."""

    def __init__(self, target: Target, editor: MaskEditor) -> None:
        super().__init__()
        self._target, self._editor = target, editor
        self._in_mm = True
        self.amount = QDoubleSpinBox()
        self.amount.setRange(0.1, _MOST)
        self.amount.setDecimals(1)
        self.amount.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.amount.setMinimumWidth(_WIDE)
        self.amount.setSingleStep(0.5)
        self.amount.setValue(_MM)
        self.amount.setToolTip("How far the three buttons beside it move or round the border.")
        self.buttons: dict[str, QPushButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for actions in _ROWS:
            row = QHBoxLayout()
            for action in actions:
                button = self.buttons[action.text] = QPushButton(action.text)
                button.clicked.connect(lambda _=False, action=action: self._run(action))
                button.setToolTip(action.tip)
                row.addWidget(button, stretch=1)
            if actions is _BY_DISTANCE:
                row.addWidget(QLabel("by"))
                row.addWidget(self.amount, stretch=1)
            column.addLayout(row)
        self.show_state()

    def show_state(self) -> None:
        """Which buttons can be used, and the unit of the distance."""
        plane, obstacle = self._target.plane(), self._target.obstacle()
        for action in (action for row in _ROWS for action in row):
            self.buttons[action.text].setEnabled(obstacle is None)
            self.buttons[action.text].setToolTip(action.tip if obstacle is None else str(obstacle))
        in_mm = self._target.spacing is not None
        if in_mm != self._in_mm:
            self.amount.setValue(_MM if in_mm else _PIXELS)
        self._in_mm = in_mm
        self.amount.setSuffix(" mm" if in_mm else " px")
        of_lungs = self._target.label_set.of_lungs
        for action in _MIRRORED:
            self.buttons[action.text].setVisible(of_lungs)
        parts = self.buttons[_PARTS.text]
        parts.setText(_PARTS.text if of_lungs else "Keep largest parts")
        if obstacle is None and not of_lungs:
            parts.setToolTip("Remove all but the largest part of each label.")
        again = self.buttons[_AGAIN.text]
        if obstacle is None and plane is not None and plane.model is None:
            again.setEnabled(False)
            again.setToolTip(NO_FIRST)

    def _run(self, action: _Action) -> None:
        try:
            self._target.lead()
            plane = self._target.plane()
            if plane is None:
                raise WAIT
            self._editor.edit(plane.layer, plane.lead, action.make(self, plane), action.done)
        except Exception as error:
            self._editor.failed.emit(in_words(error))


def _mirror(side: Literal["left", "right"]) -> Callable[[ActionBox, Plane], Make]:
    return lambda box, plane: lambda labels: mirror_lung(labels, side, plane.towards, plane.image)


def _by(sign: int) -> Callable[[ActionBox, Plane], Make]:
    def make(box: ActionBox, plane: Plane) -> Make:
        distance = sign * box.amount.value()
        return lambda labels: grow(labels, distance, plane.spacing)

    return make


def _keep(box: ActionBox, plane: Plane) -> Make:
    """Of lungs the two largest parts, of other labels the largest one each."""
    return keep_largest if plane.label_set.of_lungs else lambda labels: keep_largest(labels, 1)


def _smooth(box: ActionBox, plane: Plane) -> Make:
    distance = box.amount.value()
    return lambda labels: smooth_border(labels, distance, plane.spacing)


def _restore(box: ActionBox, plane: Plane) -> Make:
    model = as_labels(plane.model) if plane.model is not None else np.zeros((0, 0), np.uint8)
    return lambda labels: restore_in(labels, model, None)


_AGAIN = _Action(
    "Restore first mask", "The mask as the model drew it, or as it was in the file.", "Restored.", _restore
)
_PARTS = _Action(
    "Keep two largest parts", "Remove all but the two largest parts.", "Small parts removed.", _keep
)
_ROWS = (
    (
        _Action("Fill holes", "Fill every hole of the mask.", "Holes filled.", lambda *_: fill_holes_change),
        _PARTS,
    ),
    (
        _Action("Smooth", "Round the border off.", "Border smoothed.", _smooth),
        _Action("Grow", "Move the border outwards.", "Border moved outwards.", _by(1)),
        _Action("Shrink", "Move the border inwards.", "Border moved inwards.", _by(-1)),
    ),
    (
        _Action(
            "Mirror right lung",
            "Redraw the left lung as the mirror image of the patient's right one.",
            "The left lung is the mirror image of the right one now.",
            _mirror("right"),
        ),
        _Action(
            "Mirror left lung",
            "Redraw the right lung as the mirror image of the patient's left one.",
            "The right lung is the mirror image of the left one now.",
            _mirror("left"),
        ),
    ),
    (_AGAIN,),
)
_BY_DISTANCE, _MIRRORED = _ROWS[1:3]
