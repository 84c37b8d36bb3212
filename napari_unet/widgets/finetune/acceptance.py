"""The page of the Fine-tune dock after a training: is the new model better, and is it to be used?"""

from __future__ import annotations

from html import escape
from math import isnan

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.evidence import LEAST, Evidence
from napari_unet.core.evidence_metrics import HARM
from napari_unet.widgets.common.forms import WrappedLabel
from napari_unet.widgets.finetune.contours import legend
from napari_unet.widgets.finetune.evidence_table import EvidenceTable
from napari_unet.widgets.finetune.requests import Request, RetestRequest

_IN_WORDS = {"dice": "Dice", "hd95": "border distance (HD95)", "auc": "Scores and their AUC"}
_HELD_OUT = "Each of these cases was held out once: the model tested on it had not seen its patient."
_NONE_HELD_OUT = (
    "None of your cases could test the new model: all were used to train the model it is based on."
)
_DRIFT = (
    " Drift is the Dice between the masks of the new and the current model; no reference shows which are "
    "right."
)
_NOT_PASSED = "It did not pass. You can use it all the same, but keeping the current model is safer."
_NOT_PASSED_AGAIN = "It did not pass. You can use it all the same, but {} is safer."
_EARLIER = (
    " The held-out cases were measured when the model was made; all other image sets were tested just now."
)
_MAYBE = (
    "It did not pass: its gain may be due to chance. You can still use it; corrected cases from at least "
    f"{LEAST} patients would settle it."
)


class AcceptancePage(QWidget):
    """taken : the new model is to be used. kept : the current one stays.

    looked_at : (place in the report, id of the case, its name), a row was clicked or reached by the keyboard.
    looked_away : nobody wants to see it any more.
    """

    taken = Signal()
    kept = Signal()
    looked_at = Signal(str, str, str)
    looked_away = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.title = WrappedLabel(name="acceptance_title")
        self.verdict = WrappedLabel(name="verdict")
        self.warning = WrappedLabel(name="acceptance_warning")
        self.protocol = WrappedLabel(name="acceptance_protocol")
        self.remarks = WrappedLabel(name="acceptance_remarks")
        self.table = EvidenceTable()
        self.table.itemSelectionChanged.connect(self._on_row)
        self._models = ("", "")  # old and new
        self.legend = WrappedLabel(name="legend")
        room = self.legend.sizePolicy()
        room.setRetainSizeWhenHidden(True)  # the buttons below stay where they are when a case is shown
        self.legend.setSizePolicy(room)
        self.legend.setMinimumHeight(2 * self.legend.fontMetrics().lineSpacing())
        self.hide_case = QPushButton("Hide the case")
        self.hide_case.setToolTip("Show what was on the canvas before.")
        self.hide_case.setEnabled(False)
        self.hide_case.clicked.connect(lambda: self.table.clearSelection())
        self.explained = WrappedLabel(name="explained")
        self.take = QPushButton("Use the new model")
        self.take.clicked.connect(lambda: self.taken.emit())
        self.keep = QPushButton("Keep the current one")
        self.keep.clicked.connect(lambda: self.kept.emit())
        buttons = QHBoxLayout()
        buttons.addWidget(self.take)
        buttons.addWidget(self.keep)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        below = (self.hide_case, self.legend, self.explained)
        above = (self.title, self.verdict, self.warning, self.remarks, self.protocol)
        for part in (*above, self.table, *below):
            column.addWidget(part, stretch=part is self.table)
        column.addLayout(buttons)
        column.addStretch()

    def show_report(
        self,
        report: AcceptanceReport,
        request: Request,
        seconds: float,
        earlier: str = "",
        in_use: bool = False,
    ) -> None:
        """Another training or test has come to its end.

        seconds : how long it took. earlier : what is to be said of the answers that the parent has too.
        in_use : whether the model that was tested is the one in use already.
        """
        again = isinstance(request, RetestRequest)
        done = "tested" if again else "made"
        self.title.say(
            f"<b>{escape(report.child)}</b> against {escape(report.parent)}, {done} in {seconds:.0f} s"
        )
        taking, keeping = _choices(again, in_use)
        self.take.setText(taking)
        self.keep.setText(keeping)
        self.verdict.say(f"<b>{escape(report.judgement())}</b>")  # the table has the rest of the verdict
        self._warn(report, again)
        self.protocol.say_plain(earlier)
        self.protocol.setToolTip(report.difference)
        self.remarks.say_plain(" ".join(said for said in report.remarks() if said != report.difference))
        self.table.fill(report, request.names)
        self._models = (report.parent, report.child)
        self.show_case("")
        how = _HELD_OUT + _by_chance(report.evidence[0]) if report.evidence[0].cases else _NONE_HELD_OUT
        if again:
            how += _EARLIER
        self.explained.say(f"{_metrics(report)} before → after. {how}{_DRIFT if report.drift else ''}")
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
        case = self.table.case()
        if case is None:
            self.looked_away.emit()
        else:
            self.looked_at.emit(*case)

    def focus(self) -> None:
        """The keyboard goes to the button that is suggested."""
        (self.take if self.take.isDefault() else self.keep).setFocus()

    def _warn(self, report: AcceptanceReport, again: bool) -> None:
        said = []
        if report.forgets:
            where = next(one.place for one in report.harmed if one.place != report.places[0])
            said.append(f"It lost more than {HARM} on {where}: it has begun to forget.")
        if not report.passed:
            not_passed = _NOT_PASSED_AGAIN.format(report.parent) if again else _NOT_PASSED
            said.append(_MAYBE if report.undecided else not_passed)
        self.warning.warn(" ".join(said)) if said else self.warning.say("")


def _choices(again: bool, in_use: bool) -> tuple[str, str]:
    """What stands on the buttons that take the tested model, and the other one."""
    if not again:
        return "Use the new model", "Keep the current one"
    return ("Keep using it", "Use its parent again") if in_use else ("Use it", "Keep the current one")


def _metrics(report: AcceptanceReport) -> str:
    """ "Dice and border distance (HD95)", whichever of the metrics there are."""
    found = dict.fromkeys(one.metric for one in report.evidence)
    return " and ".join(_IN_WORDS.get(metric, metric) for metric in found)


def _by_chance(one: Evidence) -> str:
    p = one.p_value
    if one.patients < LEAST:
        return f" With fewer than {LEAST} patients no test can tell whether this is chance."
    if isnan(p):
        return ""
    return f" Paired test: p {'< 0.001' if p < 0.001 else f'= {p:.3f}'}."
