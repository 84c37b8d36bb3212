"""The page of the Review dock while a project is open: its parts, from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_unet.review.types import Case, Order
from napari_unet.widgets.common.forms import Foldable, Words
from napari_unet.widgets.common.ruler import RulerBox
from napari_unet.widgets.review.aside import AsideBox
from napari_unet.widgets.review.case import CaseBox, CaseTitle
from napari_unet.widgets.review.decide import DecisionBar
from napari_unet.widgets.review.head import ReviewHead
from napari_unet.widgets.review.queue_table import QueueTable
from napari_unet.widgets.session import Session


class ReviewPage(QWidget):
    """The parts, and the lines that tell what goes on in the background.

    The buttons that decide are above all that changes from case to case, and `notices`, which come and go,
    stand below the page: a button that is clicked case after case stays under the pointer.
    wants_first : no case was open yet in this project; the first one is opened when it comes.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.head = ReviewHead()
        self.title = CaseTitle(name="case")
        self.news = Words(name="news")
        self.aside = AsideBox()
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
        self.notices = (*self.head.notices, self.aside, self.news)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for part in (self.head, self.decide, self.title):
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

    # -- what goes on in the background --

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
        self._masks = f"First masks: {event.done:,} of {event.total:,}" if going_on else ""
        self._show_work()

    def end_first_masks(self) -> None:
        """All of them were made."""
        self._masks = ""
        self._show_work()

    def _show_work(self) -> None:
        self.head.work.say("   ".join(part for part in (self._work, self._scan, self._masks) if part))


def _fold_other(other: Foldable, unfolded: bool) -> None:
    """On a low screen there is room for one of them above the queue."""
    if unfolded:
        other.button().setChecked(False)
