"""Going through the queue: which case is opened next."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from napari_unet.widgets.casework.case_list import CaseList
from napari_unet.widgets.casework.connection import ProjectConnection
from napari_unet.widgets.casework.opener import CaseOpener
from napari_unet.widgets.casework.presenter import CasePresenter


class CaseNavigator(QObject):
    """Opens the case that is asked for, or the one that comes next in the queue.

    unsaved : ids of cases with strokes that a program left behind when it was killed; they go before all
    others. reported : a sentence.
    """

    reported = Signal(str)

    def __init__(
        self,
        connection: ProjectConnection,
        case_list: CaseList,
        presenter: CasePresenter,
        opener: CaseOpener,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._connection = connection
        self._case_list = case_list
        self._presenter = presenter
        self._opener = opener
        self.unsaved: list[str] = []
        opener.opened.connect(self._on_opened)

    def here(self) -> str:
        """The id of the open case; "" while there is none."""
        return "" if self._presenter.layers is None else self._presenter.layers.id

    def open_case(self, id: str, or_next: bool = False) -> None:
        """Show a case. The open one is saved first; an older request that still loads is forgotten.

        or_next : if another window has it open, the next one that is free; else the open one stays.
        """
        if self._connection.project is not None and id in self._case_list.cases:
            self._opener.lease.time.alive()
            self._opener.open(id, or_next)

    def open_next(self) -> None:
        """The next case of the queue that is not decided; if all are, the next one. `unsaved` go first."""
        if self.unsaved:
            self.open_case(self.unsaved.pop(0), or_next=True)
            return
        here = self.here()
        following = self._case_list.next_undecided(here) or self._case_list.beside(here, 1)
        self._open_or_tell(following, "This is the last case.", or_next=True)

    def open_previous(self) -> None:
        """The case before the open one in the queue, decided or not."""
        self._open_or_tell(self._case_list.beside(self.here(), -1), "This is the first case.")

    def coming(self) -> list[str]:
        """The open case and those behind it in the queue, in order."""
        return self._case_list.queue[self._case_list.place(self.here()) or 0 :]

    def _open_or_tell(self, id: str | None, otherwise: str, or_next: bool = False) -> None:
        if id is not None:
            self.open_case(id, or_next)
        elif self._connection.project is not None:
            self.reported.emit(otherwise)

    def _on_opened(self, id: str) -> None:
        self.unsaved = [other for other in self.unsaved if other != id]
