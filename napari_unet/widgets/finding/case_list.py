"""The cases whose scores a reader may see: where the score and the reader differ, or all by score."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from napari_unet.core.finding_reading import in_words
from napari_unet.core.second_reading import CONFIDENCE
from napari_unet.widgets.finding.reading import ListedCase

DIFFERING = "Where the score and I differ"
_HEIGHT = 90  # pixels of the list


class CaseList(QWidget):
    """A choice of what is listed, and the list. opened : the id of a case that was double-clicked."""

    opened = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._cases: Sequence[ListedCase] = ()
        self.choice = QComboBox()
        self.choice.setAccessibleName("Which cases are listed")
        self.choice.addItem(DIFFERING, "")
        self.cases = QListWidget()
        self.cases.setFixedHeight(_HEIGHT)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.choice)
        column.addWidget(self.cases)
        self.choice.currentIndexChanged.connect(lambda _: self._fill())
        self.cases.itemActivated.connect(lambda item: self.opened.emit(item.data(Qt.ItemDataRole.UserRole)))

    def show_cases(self, cases: Sequence[ListedCase]) -> None:
        """List these, the highest score first; the choice stays if it can."""
        self._cases = cases
        chosen = self.choice.currentData()
        self.choice.blockSignals(True)
        while self.choice.count() > 1:
            self.choice.removeItem(1)
        for finding in sorted({one.finding for one in cases}):
            self.choice.addItem(f"All by score: {in_words(finding)}", finding)
        self.choice.setCurrentIndex(max(0, self.choice.findData(chosen)))
        self.choice.blockSignals(False)
        self._fill()

    def _fill(self) -> None:
        finding = self.choice.currentData()
        self.cases.clear()
        for one in self._cases:
            if one.finding != finding if finding else not one.differs:
                continue
            said = "not called yet" if one.call is None else f"you said {CONFIDENCE[one.call.confidence]}"
            item = QListWidgetItem(
                f"Case {one.number}: {in_words(one.finding)} {100 * one.score:.0f}, {said}"
            )
            item.setData(Qt.ItemDataRole.UserRole, one.case)
            self.cases.addItem(item)
