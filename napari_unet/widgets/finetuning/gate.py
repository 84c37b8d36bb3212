"""The page of the Fine-tune dock after a training: is the new model better, and is it to be used?"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from math import isnan

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.gate_report import HARM, LEAST, CaseScore, GateReport, GateSide
from napari_unet.widgets.finetuning.contours import legend
from napari_unet.widgets.finetuning.training import Wanted
from napari_unet.widgets.forms import Words

_COLUMNS = ("Case", "Dice", "Change", "HD95")
_FEWEST_ROWS = 5  # that can be seen on a low screen: the table alone scrolls
_ROW, _FRAME = 23, 4  # pixels
_HELD_OUT = "Each of these cases of yours was held out once: the model it tested had not seen its patient."
_NONE_HELD_OUT = "None of your cases could test the new model: all have trained the model it is based on."
_NOT_PASSED = "It did not pass. You can use it all the same, but keeping the present model is safer."
_MAYBE = (
    "It did not pass: its gain may be chance. You may use it all the same; more corrected cases, of at least "
    f"{LEAST} patients, would tell."
)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LOSS = 0.005  # of Dice in one case that is pointed out


class GatePage(QWidget):
    """taken : the new model is to be used. kept : the present one stays.

    looked_at : (whether it is one of the user's cases, its id, its name), a row was clicked or reached by the
    keyboard. looked_away : nobody wants to see it any more.
    """

    taken = Signal()
    kept = Signal()
    looked_at = Signal(bool, str, str)
    looked_away = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.title = Words(name="gate_title")
        self.verdict = Words(name="verdict")
        self.warning = Words(name="gate_warning")
        self.protocol = Words(name="gate_protocol")
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(list(_COLUMNS))
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setMinimumSectionSize(_ROW)
        self.table.verticalHeader().setDefaultSectionSize(_ROW)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names differ at their ends
        self.table.setWordWrap(False)
        # as high as there is room: a size of its own would make the page scroll, too
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.itemSelectionChanged.connect(self._on_row)
        self._cases: dict[int, tuple[bool, str, str]] = {}  # by row
        self._models = ("", "")  # old and new
        self.legend = Words(name="legend")
        room = self.legend.sizePolicy()
        room.setRetainSizeWhenHidden(True)  # the buttons below stay where they are when a case is shown
        self.legend.setSizePolicy(room)
        self.legend.setMinimumHeight(2 * self.legend.fontMetrics().lineSpacing())
        self.hide_case = QPushButton("Hide the case")
        self.hide_case.setToolTip("Show what was on the canvas before.")
        self.hide_case.setEnabled(False)
        self.hide_case.clicked.connect(lambda: self.table.clearSelection())
        self.explained = Words(name="explained")
        self.take = QPushButton("Use the new model")
        self.take.clicked.connect(lambda: self.taken.emit())
        self.keep = QPushButton("Keep the present one")
        self.keep.clicked.connect(lambda: self.kept.emit())
        buttons = QHBoxLayout()
        buttons.addWidget(self.take)
        buttons.addWidget(self.keep)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        below = (self.hide_case, self.legend, self.explained)
        for part in (self.title, self.verdict, self.warning, self.protocol, self.table, *below):
            column.addWidget(part, stretch=part is self.table)
        column.addLayout(buttons)
        column.addStretch()

    def show_report(self, report: GateReport, wanted: Wanted, seconds: float) -> None:
        """Another training has come to its end. seconds : how long it took."""
        self.title.say(
            f"<b>{escape(report.child)}</b> against {escape(report.parent)}, made in {seconds:.0f} s"
        )
        self.verdict.say(f"<b>{escape(report.verdict())}</b>")
        self._warn(report)
        self.protocol.warn(wanted.differs) if wanted.differs else self.protocol.say("")
        self._fill(report, wanted)
        self._models = (report.parent, report.child)
        self.show_case("")
        how = _HELD_OUT + _by_chance(report.new_site) if report.new_site.cases else _NONE_HELD_OUT
        self.explained.say(f"Dice and border distance (HD95) before → after. {how}")
        for button, suggested in ((self.take, report.passed), (self.keep, not report.passed)):
            font = button.font()
            font.setBold(suggested)
            button.setFont(font)
            button.setAutoDefault(suggested)
            button.setDefault(suggested)

    def show_case(self, name: str) -> None:
        """This case is on the canvas now; "" for none."""
        self.legend.say(legend(name, *self._models))
        self.hide_case.setEnabled(bool(name))
        if not name and self.table.selectedItems():
            self.table.blockSignals(True)
            self.table.clearSelection()
            self.table.blockSignals(False)

    def _on_row(self) -> None:
        rows = {item.row() for item in self.table.selectedItems()}
        case = self._cases.get(min(rows, default=-1))
        if case is None:
            self.looked_away.emit()
        else:
            self.looked_at.emit(*case)

    def focus(self) -> None:
        """The keyboard goes to the button that is suggested."""
        (self.take if self.take.isDefault() else self.keep).setFocus()

    def _warn(self, report: GateReport) -> None:
        said = []
        if report.forgets:
            said.append(f"It lost more than {HARM} on the reference set: it has begun to forget.")
        if not report.passed:
            said.append(_MAYBE if report.undecided else _NOT_PASSED)
        self.warning.warn(" ".join(said)) if said else self.warning.say("")

    def _fill(self, report: GateReport, wanted: Wanted) -> None:
        self.table.blockSignals(True)
        self.table.clearSelection()
        self.table.clearSpans()
        self.table.setRowCount(0)
        self._cases.clear()
        self._add_side(report.new_site, True, lambda case: wanted.names.get(case.id, case.id))
        if report.old_domain is not None:
            self._add_side(report.old_domain, False, lambda case: case.id)
        self.table.blockSignals(False)
        head = self.table.horizontalHeader().sizeHint().height() + _FRAME
        rows = self.table.rowCount()
        self.table.setMinimumHeight(head + min(_FEWEST_ROWS, rows) * _ROW)
        self.table.setMaximumHeight(head + rows * _ROW)

    def _add_side(self, side: GateSide, yours: bool, name: Callable[[CaseScore], str]) -> None:
        """A heading, then the cases, the one that lost most first."""
        row = self.table.rowCount()
        self.table.insertRow(row)
        heading = QTableWidgetItem(f"{side.name[:1].upper()}{side.name[1:]}: {_moved(side.old, side.new, 3)}")
        unit = QTableWidgetItem(side.unit)
        unit.setTextAlignment(_RIGHT)
        for column, item in ((0, heading), (len(_COLUMNS) - 1, unit)):
            font = item.font()
            font.setBold(True)
            item.setFont(font)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.table.setItem(row, column, item)
        self.table.setSpan(row, 0, 1, len(_COLUMNS) - 1)
        for case in sorted(side.cases, key=_gain):
            self._cases[self.table.rowCount()] = (yours, case.id, name(case))
            self._add_case(case, name(case))

    def _add_case(self, case: CaseScore, name: str) -> None:
        row, gain = self.table.rowCount(), case.new_dice - case.old_dice
        self.table.insertRow(row)
        lost = not isnan(gain) and gain < -_LOSS
        texts = (
            name,
            _moved(case.old_dice, case.new_dice, 3),
            "" if isnan(gain) else f"{gain:+.3f}".replace("-", "−") + (" ⚠" if lost else ""),
            _moved(case.old_hd95, case.new_hd95, 1),
        )
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            if column:
                item.setTextAlignment(_RIGHT)
            self.table.setItem(row, column, item)


def _gain(case: CaseScore) -> float:
    """Cases that cannot be compared come last."""
    gain = case.new_dice - case.old_dice
    return float("inf") if isnan(gain) else gain


def _moved(old: float, new: float, digits: int) -> str:
    return " → ".join("–" if isnan(value) else f"{value:.{digits}f}" for value in (old, new))


def _by_chance(side: GateSide) -> str:
    p = side.p_value
    if side.patients < LEAST:
        return f" Under {LEAST} patients no test can tell whether this is chance."
    if isnan(p):
        return ""
    return f" Paired test: p {'< 0.001' if p < 0.001 else f'= {p:.3f}'}."
