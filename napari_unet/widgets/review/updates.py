"""Queue, progress and header follow the cases of the project."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import QObject, Signal
from superqt.utils import qthrottled

from napari_unet.widgets.casework.work import CaseWork
from napari_unet.widgets.review.page import ReviewPage
from napari_unet.widgets.review.queue_rows import counts_of_needs, is_unavailable, progress_of

_TOGETHER_MS = 60  # changes of cases that come within this time are shown together


class CaseUpdates(QObject):
    """Shows on the page what has changed in the cases, and opens the first case once there is one.

    current_changed : the open case is among them.
    """

    current_changed = Signal()

    def __init__(self, casework: CaseWork, page: ReviewPage, parent: QObject) -> None:
        super().__init__(parent)
        self._casework, self._page = casework, page
        self._changed: set[str] = set()
        self._show_soon = qthrottled(self._show_changes, timeout=_TOGETHER_MS, leading=False, parent=self)

    def show_all(self) -> None:
        """Another project is open: show all of its cases now."""
        casework = self._casework
        self._page.table.show_cases(casework.cases, casework.queue, casework.order)
        self._show_progress()

    def show(self, changed: Iterable[str] = ()) -> None:
        """Show these cases, and the queue, in a moment."""
        self._changed.update(changed)
        self._show_soon()

    def forget(self) -> None:
        """The project is closed."""
        self._changed.clear()

    def close_down(self) -> None:
        """Show nothing more."""
        self._show_soon.cancel()

    def _show_changes(self) -> None:
        changed, self._changed = self._changed, set()
        casework, page = self._casework, self._page
        page.table.update_cases(changed, casework.cases, casework.queue, casework.order)
        self._show_progress()
        current = casework.current
        if current is not None:
            page.title.show_case(current, casework.order)  # the order may be another
            if current.id in changed:
                page.update_case(current, casework.order)
                self.current_changed.emit()
        case = casework.cases.get(page.unavailable.case_id())
        if case is not None:
            page.unavailable.show_case(case)
            if not is_unavailable(case):
                casework.navigator.open_case(case.id)
        if current is None and page.wants_first and casework.queue and not casework.opener.is_loading:
            page.wants_first = False
            casework.navigator.open_next()

    def _show_progress(self) -> None:
        cases = self._casework.cases.values()
        self._page.header.show_progress(progress_of(cases))
        self._page.header.show_ignored(counts_of_needs(cases))
