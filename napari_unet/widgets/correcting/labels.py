"""What is painted: a lung, the right or the left one, "not sure", or nothing."""

from __future__ import annotations

import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import QButtonGroup, QGridLayout, QPushButton, QWidget

from napari_unet.core.labels import IGNORE

NOTHING, LUNG, LEFT = 0, 1, 2
_PLAIN = "Lung"
_RIGHT = "Right lung"


class LabelBox(QWidget):
    """Buttons for the label that brush and tools of one mask layer paint with, napari's own brush as well."""

    def __init__(self) -> None:
        super().__init__()
        self._layer: Labels | None = None
        self._two = False
        self._group = QButtonGroup(self)
        self.lung = self._button(_PLAIN, LUNG, "Paint lung (Shift+R).")
        self.left = self._button("Left lung", LEFT, "Paint the patient's left lung (Shift+F).")
        self.unsure = self._button(
            "Not sure", IGNORE, "Nobody could say what is here: training and scores leave it out (Shift+U)."
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

    def show_sides(self, two: bool) -> None:
        """Offer one lung, or right and left."""
        self._two = two
        self.lung.setText(_RIGHT if two else _PLAIN)
        self.lung.setToolTip("Paint the patient's right lung (Shift+R)." if two else "Paint lung (Shift+R).")
        self.left.setVisible(two)
        row = int(two)
        self._grid.addWidget(self.lung, 0, 0, 1, 3 if two else 2)
        if two:
            self._grid.addWidget(self.left, 0, 3, 1, 3)
        self._grid.addWidget(self.unsure, row, 0 if two else 2, 1, 3 if two else 2)
        self._grid.addWidget(self.erase, row, 3 if two else 4, 1, 3 if two else 2)

    def choose(self, label: int) -> None:
        """As a click on the button of `label`, where it is offered."""
        button = self._group.button(label)
        if button is not None and button.isEnabled() and not button.isHidden():
            button.click()

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
