"""The page of the Review dock while a project is open: its parts, from top to bottom."""

from __future__ import annotations

from functools import partial
from typing import Any

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.review.types import Case, Order
from napari_unet.widgets.forms import Foldable, Words
from napari_unet.widgets.reviewing.aside import AsideBox
from napari_unet.widgets.reviewing.case import CaseBox, CaseTitle
from napari_unet.widgets.reviewing.decide import DecisionBar
from napari_unet.widgets.reviewing.head import ReviewHead
from napari_unet.widgets.reviewing.queue_table import QueueTable
from napari_unet.widgets.ruler import RulerBox
from napari_unet.widgets.session import Session


class ReviewPage(QWidget):
    """The parts, and the lines that tell what goes on in the background.

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
        self.more = Foldable("Note, name, earlier masks", self.case)
        self.ruler = RulerBox(session)
        self.measure = Foldable("Measure", self.ruler)
        self.table = QueueTable()
        for box, other in ((self.more, self.measure), (self.measure, self.more)):
            box.button().toggled.connect(partial(_fold_other, other))
        self.wants_first = True
        self._scan = self._masks = self._work = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        parts = (self.head, self.title, self.aside, self.decide, self.news, self.more, self.measure)
        for part in parts:
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
