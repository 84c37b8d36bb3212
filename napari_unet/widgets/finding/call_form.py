"""What a reader says of each finding: how sure they are that it is there, and in which zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QWidget

from napari_unet.core.finding_reading import in_words
from napari_unet.core.lung_thirds import ZONES
from napari_unet.core.second_reading import CONFIDENCE, FindingCall

_NO_ZONE = "no zone"


class _ConfidenceBox(QComboBox):
    """Takes its keys at once: Qt would read 2 and then 4 as the search for "24"."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """1 to 5 choose."""
        row = self.findData(int(event.text())) if event.text().isdecimal() else -1
        if row >= 0:
            self.setCurrentIndex(row)
        else:
            super().keyPressEvent(event)


class CallForm(QWidget):
    """A row for each finding. Typing 1 to 5 in a box chooses. changed : something was chosen."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[str, tuple[QLabel, QComboBox, QComboBox]] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 3)
        self._grid.setColumnStretch(2, 2)

    @property
    def findings(self) -> tuple[str, ...]:
        """Those that are asked about."""
        return tuple(self._rows)

    def offer(self, findings: Sequence[str]) -> None:
        """Ask about these, from the beginning."""
        for row in self._rows.values():
            for part in row:
                self._grid.removeWidget(part)
                part.deleteLater()
        self._rows = {finding: self._row(place, finding) for place, finding in enumerate(findings)}

    def say(self, calls: Mapping[str, FindingCall]) -> None:
        """Show what was said; what was not is open."""
        for finding, (_, sure, zone) in self._rows.items():
            call = calls.get(finding)
            for box, value in ((sure, call and call.confidence), (zone, call.zone if call else "")):
                box.blockSignals(True)
                box.setCurrentIndex(box.findData(value))
                box.blockSignals(False)
        self.changed.emit()

    def said(self) -> dict[str, FindingCall]:
        """What is chosen now, of the findings for which something is."""
        return {
            finding: FindingCall(sure.currentData(), zone.currentData() or "")
            for finding, (_, sure, zone) in self._rows.items()
            if sure.currentData() is not None
        }

    def is_complete(self) -> bool:
        """Whether something is said of every finding."""
        return bool(self._rows) and len(self.said()) == len(self._rows)

    def _row(self, place: int, finding: str) -> tuple[QLabel, QComboBox, QComboBox]:
        sure, zone = _ConfidenceBox(), QComboBox()
        sure.setPlaceholderText("choose…")
        for confidence, words in CONFIDENCE.items():
            sure.addItem(f"{confidence} {words}", confidence)
        sure.setCurrentIndex(-1)
        zone.addItem(_NO_ZONE, "")
        for name in ZONES:
            zone.addItem(name, name)
        sure.setAccessibleName(f"How sure: {finding}")
        zone.setAccessibleName(f"Zone: {finding}")
        for box in (sure, zone):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(6)
            box.currentIndexChanged.connect(lambda _: self.changed.emit())
        row = (QLabel(in_words(finding)), sure, zone)
        for column, part in enumerate(row):
            self._grid.addWidget(part, place, column)
        return row
