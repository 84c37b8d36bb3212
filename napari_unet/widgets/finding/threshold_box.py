"""Thresholds by cases of the review: what is taken for true, how many are to be found, what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QPushButton, QSpinBox, QVBoxLayout, QWidget

from napari_unet.core.calibration import FEWEST, Calibration, Truth
from napari_unet.core.finding_reading import in_words
from napari_unet.widgets.common.forms import Fields, WrappedLabel

_ABOUT = (
    f"Needs at least {FEWEST} cases with a finding and {FEWEST} without. A threshold holds for this version "
    "of the model and for this review."
)
_TITLES = {Truth.FIRST_CALLS: "Calls made before the score", Truth.REFERENCE: "Imported reference"}


class ThresholdBox(QWidget):
    """asked : what is taken for true (Truth), and the sensitivity (0 to 1)."""

    asked = Signal(object, float)

    def __init__(self) -> None:
        super().__init__()
        self.truth = QComboBox()
        for truth, title in _TITLES.items():
            self.truth.addItem(title, truth)
        self.sensitivity = QSpinBox()
        self.sensitivity.setRange(50, 100)
        self.sensitivity.setValue(90)
        self.sensitivity.setSuffix(" %")
        self.button = QPushButton("Calibrate")
        self.button.clicked.connect(
            lambda: self.asked.emit(self.truth.currentData(), self.sensitivity.value() / 100)
        )
        self.standing = WrappedLabel(name="calibrated")
        fields = Fields()
        fields.add("Truth", self.truth)
        fields.add("Sensitivity", self.sensitivity)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(WrappedLabel(_ABOUT, name="about_calibration"))
        column.addLayout(fields)
        column.addWidget(self.button)
        column.addWidget(self.standing)

    def show_calibrations(self, found: Sequence[Calibration]) -> None:
        """Say which thresholds hold, and on what each rests."""
        self.standing.say_plain("\n".join(f"{in_words(one.finding)}: {one.in_words()}." for one in found))
