"""What the Review dock says: news of the open case or of the project, and problems."""

from __future__ import annotations

from napari import Viewer
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget
from superqt.utils import qdebounced

from napari_unet.core.errors import UserError
from napari_unet.widgets.casework.work import CaseWork
from napari_unet.widgets.common.forms import WrappedLabel
from napari_unet.widgets.review.page import ReviewPage

_CONFIRM_MS = 5000
_PROJECT = "-"  # messages about the project, not about a case


class DockNews(QObject):
    """Shows news in the page and in napari's status bar, and problems in `message`.

    News of a case disappear when another one opens; news of the project stay until the next.
    """

    def __init__(
        self, viewer: Viewer, casework: CaseWork, page: ReviewPage, message: WrappedLabel, dock: QWidget
    ) -> None:
        super().__init__(dock)
        self._viewer = viewer
        self._casework = casework
        self._page = page
        self._message = message
        self._dock = dock
        self._about = ""  # id of the case that the news are about
        self._says_wrong = False  # the message is of what the checks find in the open mask
        self.fade = qdebounced(lambda: page.say_news(""), timeout=_CONFIRM_MS, parent=self)

    # -- news --

    def tell(self, text: str) -> None:
        """News of the project."""
        self._tell(text, _PROJECT)

    def tell_of_case(self, text: str) -> None:
        """News of the open case."""
        current = self._casework.current
        self._tell(text, "" if current is None else current.id)

    def tell_recovered(self, case_id: str) -> None:
        """Strokes that were never saved came back."""
        case = self._casework.cases.get(case_id)
        if case is not None:
            self.tell_of_case(
                f"Case {case.number}: strokes that were not saved when the program ended were restored. "
                "Ctrl+Z removes them."
            )

    def confirm(self, text: str) -> None:
        """A decision is confirmed while the next case opens; for that moment only."""
        self._tell(text, _PROJECT)
        self.fade()

    def opened(self, case_id: str) -> None:
        """This case is open now. What was said before there was any case counts as said of it."""
        if self._about == "":
            self._about = case_id
        elif self._about not in (case_id, _PROJECT):
            self._page.say_news("")

    def _tell(self, text: str, about: str) -> None:
        self.fade.cancel()
        self._about = about
        self._viewer.status = text
        self._page.say_news(text)

    # -- problems --

    def say_problem(self, error: UserError) -> None:
        """Show what is wrong; also as a notification of napari where the dock cannot be seen."""
        self._says_wrong = False
        self._message.warn(str(error))
        if self._dock.visibleRegion().isEmpty():  # behind another tab
            show_error(str(error))

    def say_still_wrong(self, error: UserError) -> None:
        """Show what the checks find in the open mask, until it is changed."""
        self.say_problem(error)
        self._says_wrong = True

    def mask_changed(self) -> None:
        """What was found in the mask before may be fixed."""
        if self._says_wrong:
            self._says_wrong = False
            self._message.say("")
