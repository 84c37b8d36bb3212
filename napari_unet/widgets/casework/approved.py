"""An approved mask is not changed by a slip of the hand: the first change of it is asked about."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QMessageBox

from napari_unet.review.types import USABLE, Case
from napari_unet.widgets.casework.case_list import CaseList
from napari_unet.widgets.casework.presenter import CasePresenter
from napari_unet.widgets.napari_compat.window import window_of


class ApprovedMasks(QObject):
    """Asks once per case, and again after a new decision on it."""

    def __init__(self, case_list: CaseList, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._case_list = case_list
        self._viewer = viewer
        self._confirmed: set[str] = set()
        self.question: QMessageBox | None = None

    def protects(self, id: str) -> bool:
        """Whether a change of this case's mask is to be asked about."""
        case = self._case_list.cases.get(id)
        return case is not None and case.status in USABLE and id not in self._confirmed

    def decided(self, id: str) -> None:
        """The case was decided about: what was confirmed before no longer counts."""
        self._confirmed.discard(id)

    def ask(self, presenter: CasePresenter) -> None:
        """Ask about the change of the open case that waits."""
        case = None if presenter.layers is None else self._case_list.cases.get(presenter.layers.id)
        recorder = presenter.recorder
        if case is None or recorder is None or self.question is not None:
            return
        box = self.question = QMessageBox(window_of(self._viewer))
        box.setObjectName("approved")
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Change an approved mask?")
        box.setText(_approved_words(case))
        box.setInformativeText(
            "If you change it, the case counts as corrected. The decision keeps its time; the correction is "
            "recorded with its own, and with your name."
        )
        change = box.addButton("Change the mask", QMessageBox.ButtonRole.AcceptRole)
        leave = box.addButton("Leave it as it is", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(leave)
        box.setEscapeButton(leave)

        def answered() -> None:
            self.question = None
            agreed = box.clickedButton() is change
            box.deleteLater()
            if agreed:
                self._confirmed.add(case.id)
            if presenter.recorder is recorder:
                recorder.answer(agreed)
                presenter.focus()

        box.finished.connect(lambda _: answered())
        box.open()

    def withdraw(self, _id: str = "") -> None:
        """The case was left before anybody answered: its mask stays as it was."""
        if self.question is not None:
            self.question.reject()


def _approved_words(case: Case) -> str:
    by = f" by {case.reviewer}" if case.reviewer else ""
    decided = case.decided
    if decided is None:
        return f"The mask of case {case.number} is {case.status.value}{by}."
    at = (decided if decided.tzinfo else decided.replace(tzinfo=UTC)).astimezone()
    return f"The mask of case {case.number} was {case.status.value}{by} on {at:%d %b %Y, %H:%M}."
