"""What is painted: a label of the mask's set, "not sure", or nothing."""

from __future__ import annotations

import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import QButtonGroup, QGridLayout, QPushButton, QWidget

from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.labels import IGNORE, LEFT, RIGHT

NOTHING = 0
_PLAIN = "Lung"
_RIGHT = "Right lung"
_KEYS = (" (Shift+R)", " (Shift+F)")  # of the first two labels
_WIDTH = 6  # columns of the grid: two or three buttons in a row


class LabelBox(QWidget):
    """Buttons for the label that brush and tools of one mask layer paint with, napari's own brush as well."""

    def __init__(self) -> None:
        super().__init__()
        self._layer: Labels | None = None
        self._set = LUNGS
        self._two = False
        self._group = QButtonGroup(self)
        self.lung = self._button(_PLAIN, RIGHT, "Paint lung (Shift+R).")
        self.left = self._button("Left lung", LEFT, "Paint the patient's left lung (Shift+F).")
        self.others: list[QPushButton] = []  # of labels that are not lungs, in the set's order
        self.unsure = self._button(
            "Not sure", IGNORE, "For what nobody can tell: ignored in training and in scores (Shift+U)."
        )
        self.erase = self._button("Erase", NOTHING, "Erase what is painted (Shift+E).")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._group.idClicked.connect(self._on_clicked)
        self.show_sides(False)

    def follow(self, layer: Labels | None) -> None:
        """Show and set the label of `layer`."""
        if self._layer is not None:
            self._layer.events.selected_label.disconnect(self._show)
        self._layer = layer
        self.setEnabled(layer is not None)
        if layer is None:
            return
        layer.events.selected_label.connect(self._show)
        fits = np.iinfo(layer.data.dtype).max >= IGNORE
        self.unsure.setEnabled(fits)
        self._show()

    def offer(self, labels: LabelSet) -> None:
        """Offer the labels of a set."""
        if labels == self._set:
            return
        self._set = labels
        for button in self.others:
            self._group.removeButton(button)
            self._grid.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.others = []
        if labels.of_lungs:
            self._group.addButton(self.lung, RIGHT)
            self._group.addButton(self.left, LEFT)
            self.unsure.setVisible(labels.not_sure)
            self.show_sides(False)
        else:
            self._show_others(labels)
        self._show()

    def show_sides(self, two: bool) -> None:
        """Offer one lung, or right and left; of other labels there are no sides to show."""
        if not self._set.of_lungs:
            return
        two = two or self._set.tells_sides
        self._two = two
        self.lung.setText(_RIGHT if two else _PLAIN)
        self.lung.setToolTip("Paint the patient's right lung (Shift+R)." if two else "Paint lung (Shift+R).")
        self.lung.show()
        self.left.setVisible(two)
        if two:
            self._lay_out([self.lung, self.left], [self.unsure, self.erase])
        else:
            self._lay_out([self.lung, self.unsure, self.erase])

    def choose(self, label: int) -> None:
        """As a click on the button of `label`, where it is offered."""
        button = self._group.button(label)
        if button is not None and button.isEnabled() and not button.isHidden():
            button.click()

    def choose_place(self, place: int) -> None:
        """As a click on the button of the set's label at `place`; of lungs 0 is lung or right, 1 is left."""
        values = (RIGHT, LEFT) if self._set.of_lungs else self._set.values
        if place < len(values):
            self.choose(values[place])

    def _show_others(self, labels: LabelSet) -> None:
        for lung in (self.lung, self.left):
            self._group.removeButton(lung)
            lung.hide()
        for place, label in enumerate(labels.labels):
            key = _KEYS[place] if place < len(_KEYS) else ""
            tip = f"Paint {label.name}{key}."
            self.others.append(self._button(label.name[:1].upper() + label.name[1:], label.value, tip))
        rows = [self.others[at : at + 2] for at in range(0, len(self.others), 2)]
        self.unsure.setVisible(labels.not_sure)
        self._lay_out(*rows, [self.unsure, self.erase])

    def _lay_out(self, *rows: list[QPushButton]) -> None:
        for at, row in enumerate(rows):
            width = _WIDTH // len(row)
            for place, button in enumerate(row):
                self._grid.addWidget(button, at, place * width, 1, width)

    def _on_clicked(self, label: int) -> None:
        if self._layer is not None:
            self._layer.selected_label = label

    def _show(self) -> None:
        if self._layer is None:
            return
        label = int(self._layer.selected_label)
        self.show_sides(self._two or label == LEFT)
        button = self._group.button(label)
        if button is not None:
            button.setChecked(True)
        elif self._group.checkedButton() is not None:  # a label of the user's own
            self._group.setExclusive(False)
            self._group.checkedButton().setChecked(False)
            self._group.setExclusive(True)

    def _button(self, text: str, label: int, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setCheckable(True)
        button.setToolTip(tip)
        self._group.addButton(button, label)
        return button
