"""The table of the acceptance test: each place with its cases, by both models."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan, nan

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableWidget, QTableWidgetItem

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.drift import DriftCase
from napari_unet.core.evidence import CaseScore, Evidence
from napari_unet.core.evidence_sheet import EvidenceSheet, SheetRow, sheets

_FEWEST_ROWS = 5  # that can be seen on a low screen: the table alone scrolls
_ROW, _FRAME = 23, 4  # pixels
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LOSS = 0.005  # in one case that is pointed out
_INSET = "    "  # before what belongs to the row above


class EvidenceTable(QTableWidget):
    """Headings, then cases, the one that lost most first; rows of labels belong to the case above them."""

    def __init__(self) -> None:
        super().__init__(0, 1)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(_ROW)
        self.verticalHeader().setDefaultSectionSize(_ROW)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names differ at their ends
        self.setWordWrap(False)
        # as high as there is room: a size of its own would make the page scroll, too
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._cases: dict[int, tuple[str, str, str]] = {}  # by row

    def case(self) -> tuple[str, str, str] | None:
        """The case that is selected: (place, its id, its name)."""
        rows = {item.row() for item in self.selectedItems()}
        return self._cases.get(min(rows, default=-1))

    def fill(self, report: AcceptanceReport, names: Mapping[str, str]) -> None:
        """Another report. names : for people, of the user's cases by their ids."""
        self.blockSignals(True)
        self.clearSelection()
        self.clearSpans()
        self.setRowCount(0)
        self._cases.clear()
        found = sheets(report.evidence)
        self._head(found)
        several = len({sheet.output for sheet in found}) > 1
        for sheet in found:
            yours = sheet.place == report.places[0]
            place = f"{sheet.place[:1].upper()}{sheet.place[1:]}"
            self._add_headings(sheet, f"{place}, {sheet.output}" if several else place)
            for row in sheet.rows(worst_first=True):
                name = names.get(row.case, row.case) if yours else row.case
                self._cases[self.rowCount()] = (sheet.place, row.case, name)
                self._add_case(sheet, row, name)
        for drift in report.drift:
            place = f"{drift.place[:1].upper()}{drift.place[1:]}"
            self._add_heading(f"{place}, Dice to the old masks: {_value_or_dash(drift.dice)}")
            for case in drift.most_changed_first():
                name = names.get(case.id, case.id)
                self._cases[self.rowCount()] = (drift.place, case.id, name)
                self._add_drift(name, case, case.reason(report.asked_zones))
        self.blockSignals(False)
        head = self.horizontalHeader().sizeHint().height() + _FRAME
        rows = self.rowCount()
        self.setMinimumHeight(head + min(_FEWEST_ROWS, rows) * _ROW)
        self.setMaximumHeight(head + rows * _ROW)

    def _head(self, found: list[EvidenceSheet]) -> None:
        """The first metric of each sheet has one column, with its change in the next; others follow."""
        firsts = dict.fromkeys(_value(sheet.columns[0]) for sheet in found)
        self._others = list(dict.fromkeys(one.metric for sheet in found for one in sheet.columns[1:]))
        titles = {one.metric: one.rules.title for sheet in found for one in sheet.columns}
        texts = ["Case", " / ".join(firsts), "Change", *(titles[metric] for metric in self._others)]
        self.setColumnCount(len(texts))
        self.setHorizontalHeaderLabels(texts)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def _add_headings(self, sheet: EvidenceSheet, place: str) -> None:
        """The figures of the place: as a whole, and of each label in a row of its own."""
        for label in sheet.labels:
            first, *others = sheet.pieces(label)
            if first is None:
                continue
            text = f"{_INSET}{label}" if label and label != sheet.labels[0] else _joined(place, label)
            units = {one.metric: one.unit for one in others if one is not None}
            figures = _moved(first, first.rules.digits)
            self._add_heading(f"{text}: {figures}", *(units.get(metric, "") for metric in self._others))

    def _add_heading(self, text: str, *others: str) -> None:
        """A row that cannot be selected. others : of the columns after the change."""
        row = self.rowCount()
        self.insertRow(row)
        for column, said in zip((0, *range(3, self.columnCount())), (text, *others), strict=False):
            item = QTableWidgetItem(said)
            font = item.font()
            font.setBold(True)
            item.setFont(font)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            if column:
                item.setTextAlignment(_RIGHT)
            self.setItem(row, column, item)
        self.setSpan(row, 0, 1, 3)

    def _add_drift(self, name: str, case: DriftCase, reason: str) -> None:
        """An image without a reference: how like the masks are, and why they are not more so."""
        at = self.rowCount()
        self.insertRow(at)
        warned = " ⚠" if case.leaks or case.checks else ""
        for column, text in enumerate(
            (f"{name}: {reason}" if reason else name, _value_or_dash(case.dice) + warned)
        ):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            if column:
                item.setTextAlignment(_RIGHT)
            self.setItem(at, column, item)

    def _add_case(self, sheet: EvidenceSheet, row: SheetRow, name: str) -> None:
        """One label of a case; the case's name is in its first row."""
        at = self.rowCount()
        self.insertRow(at)
        scores = dict(zip((one.metric for one in sheet.columns), row.scores, strict=True))
        main = sheet.columns[0]
        score = row.scores[0]
        change, gain = (nan, nan) if score is None else (score.new - score.old, main.gain_of(score))
        lost = not isnan(gain) and gain < -_LOSS
        texts = [
            _joined(name, row.label) if row.label == sheet.labels[0] else f"{_INSET}{row.label}",
            _moved(score, main.rules.digits) + _finding(score),
            "" if isnan(change) else f"{change:+.3f}".replace("-", "−") + (" ⚠" if lost else ""),
        ]
        digits = {one.metric: one.rules.digits for one in sheet.columns}
        texts += [_moved(scores.get(metric), digits.get(metric, 1)) for metric in self._others]
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            if column:
                item.setTextAlignment(_RIGHT)
            self.setItem(at, column, item)


def _value_or_dash(value: float) -> str:
    return "–" if isnan(value) else f"{value:.3f}"


def _value(one: Evidence) -> str:
    return "Score" if one.rules.ranks_scores else one.rules.title


def _joined(text: str, label: str) -> str:
    return f"{text}, {label}" if label else text


def _finding(score: CaseScore | None) -> str:
    """What the reference says."""
    return "" if score is None or score.truth is None else (" (yes)" if score.truth else " (no)")


def _moved(of: CaseScore | Evidence | None, digits: int) -> str:
    if of is None:
        return ""
    return " → ".join("–" if isnan(value) else f"{value:.{digits}f}" for value in (of.old, of.new))
