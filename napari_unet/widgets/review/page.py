"""The page of the Review dock while a project is open: its parts, from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QFrame, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_unet.review.types import Case, FileState, Order
from napari_unet.widgets.common.forms import Foldable, WrappedLabel
from napari_unet.widgets.review.case import CaseBox, CaseTitle
from napari_unet.widgets.review.decide import DecisionBar
from napari_unet.widgets.review.header import ReviewHeader
from napari_unet.widgets.review.queue_table import QueueTable
from napari_unet.widgets.review.ruler import RulerBox
from napari_unet.widgets.session import Session

_SAYS = {
    FileState.MISSING: (
        "The image file of case {} is not where it was. Was the folder moved, or a drive disconnected?"
    ),
    FileState.CHANGED: (
        "The image file of case {} has changed since it was added. Its mask may no longer fit, so it was "
        "set aside until you decide."
    ),
    FileState.UNREADABLE: "The image file of case {} cannot be read. Replace it, then look again.",
}


class UnavailableFilePanel(QFrame):
    """look_requested : a folder in which missing files may be, or None to look again where they were.

    resolved : id of a case, and whether its new content counts. Hidden while there is nothing to decide.
    """

    look_requested = Signal(object)
    resolved = Signal(str, bool)

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = WrappedLabel(name="unavailable")
        self.take = QPushButton("Use the new image")
        self.take.setToolTip("An earlier decision no longer holds: the case needs a second look.")
        self.take.clicked.connect(lambda: self._resolve(True))
        self.leave = QPushButton("Keep it set aside")
        self.leave.clicked.connect(lambda: self._resolve(False))
        self.search = QPushButton("Search a folder…")
        self.search.setToolTip("Searches there for all missing files, by content, whatever their names are.")
        self.search.clicked.connect(lambda: self._ask())
        self.again = QPushButton("Look again")
        self.again.clicked.connect(lambda: self.look_requested.emit(None))
        grid = QGridLayout(self)
        grid.addWidget(self.text, 0, 0, 1, 2)
        for place, button in enumerate((self.take, self.leave, self.search, self.again)):
            grid.addWidget(button, 1 + place // 2, place % 2)
        self._case: Case | None = None
        self._why = ""
        self.show_case(None)

    def show_case(self, case: Case | None) -> None:
        """Ask about this case; None hides the box."""
        state = FileState.PRESENT if case is None else case.file_state
        before = self._case
        self._case = case if state in _SAYS else None
        if before is None or case is None or (before.id, before.file_state) != (case.id, state):
            self._why = ""
        self.setVisible(self._case is not None)
        if self._case is None:
            return
        self._say()
        for button in (self.take, self.leave):
            button.setVisible(state is FileState.CHANGED)
        self.search.setVisible(state is FileState.MISSING)
        self.again.setVisible(state is not FileState.CHANGED)

    def say_why(self, case_id: str, why: str) -> None:
        """Add what is wrong with the files of the case that is asked about."""
        if self._case is not None and case_id == self._case.id:
            self._why = why
            self._say()

    def _say(self) -> None:
        assert self._case is not None
        self.text.say(f"{_SAYS[self._case.file_state].format(self._case.number)} {self._why}".rstrip())

    def case_id(self) -> str:
        """The case that is asked about, "" if none is."""
        return "" if self._case is None else self._case.id

    def _resolve(self, keep: bool) -> None:
        if self._case is not None:
            case, self._case = self._case, None
            self.setVisible(False)
            self.resolved.emit(case.id, keep)

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a folder to search for the missing images")
        if folder:
            self.look_requested.emit(Path(folder))


class ReviewPage(QWidget):
    """The parts, and the lines about work in the background.

    The buttons that decide are above all that changes from case to case, and `notices`, which come and go,
    are below the page: a button that is clicked case after case stays under the pointer.
    wants_first : no case was open yet in this project; the first one is opened when it comes.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.header = ReviewHeader()
        self.title = CaseTitle(name="case")
        self.news = WrappedLabel(name="news")
        self.unavailable = UnavailableFilePanel()
        self.decide = DecisionBar()
        self.case = CaseBox()
        heads = QHBoxLayout()
        heads.setSpacing(12)
        self.more = Foldable("Note, name, earlier masks", self.case, heads=heads)
        self.ruler = RulerBox(session)
        self.measure = Foldable("Measure", self.ruler, heads=heads)
        heads.addStretch()
        self.table = QueueTable()
        for box, other in ((self.more, self.measure), (self.measure, self.more)):
            box.button().toggled.connect(partial(_fold_other, other))
        self.wants_first = True
        self._scan = self._masks = self._work = ""
        self.notices = (*self.header.notices, self.unavailable, self.news)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for part in (self.header, self.decide, self.title):
            column.addWidget(part)
        column.addLayout(heads)
        for part in (self.more, self.measure):
            column.addWidget(part)
        column.addWidget(self.table, stretch=1)

    def show_case(self, case: Case | None, order: Order) -> None:
        """Another case is open, or none."""
        self.wants_first = self.wants_first and case is None
        self.title.show_case(case, order)
        self.case.show_case(case)
        self.decide.enable(has_project=True, has_case=case is not None)
        self.table.mark("" if case is None else case.id)

    def update_case(self, case: Case, order: Order) -> None:
        """The open case is not as it was."""
        self.title.show_case(case, order)
        self.case.update_case(case)

    def show_file_names(self, names: Mapping[str, str]) -> None:
        """Names of files by case, in the header and the search; none to hide them."""
        self.title.use_names(names)
        self.table.use_names(names)

    # -- work in the background --

    def say_work(self, text: str) -> None:
        """What is done that has no numbers yet."""
        self._work = text
        self._show_work()

    def say_news(self, text: str) -> None:
        """What was done last."""
        self.news.say(text)

    def show_scan(self, event: Any) -> None:
        """So many of the image files were read."""
        self._scan = f"Reading images: {event.done:,} of {event.total:,}" if event.done < event.total else ""
        self._show_work()

    def end_scan(self, _result: Any = None) -> None:
        """All of them were read."""
        self._scan = ""
        self._show_work()

    def show_first_masks(self, event: Any) -> None:
        """So many first masks were made."""
        going_on = event.done < event.total
        where = f" on {event.where}" if event.where else ""
        self._masks = f"First masks{where}: {event.done:,} of {event.total:,}" if going_on else ""
        self._show_work()

    def end_first_masks(self) -> None:
        """All of them were made."""
        self._masks = ""
        self._show_work()

    def _show_work(self) -> None:
        self.header.work.say("   ".join(part for part in (self._work, self._scan, self._masks) if part))


def _fold_other(other: Foldable, unfolded: bool) -> None:
    """On a low screen there is room for one of them above the queue."""
    if unfolded:
        other.button().setChecked(False)
