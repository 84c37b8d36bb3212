"""The open case belongs to this window: taken, renewed, and given back with the time spent on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.errors import UserError
from napari_unet.review.leases import CaseTaken
from napari_unet.review.types import Author, Case
from napari_unet.widgets.casework.connection import ProjectConnection

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject

IDLE_S = 60.0
_RENEW_MS = 60_000


class CaseLease(QObject):
    """The lease of the case that is open in this window, at most one.

    lost : id of the case, and why it could not be renewed (a UserError, CaseTaken if another window has it).
    """

    lost = Signal(str, object)

    def __init__(self, connection: ProjectConnection, author: Callable[[], Author], parent: QObject) -> None:
        super().__init__(parent)
        self._connection = connection
        self._author = author
        self._case = self._by = ""
        self.time = ActiveTime()
        self._renew = QTimer(self)
        self._renew.setInterval(_RENEW_MS)
        self._renew.timeout.connect(self._on_renew)

    def begin(self, case: str, taken: Callable[[Case], None], refused: Callable[[UserError], None]) -> None:
        """Take the lease in the name of the reviewer; then one of the others is called."""
        self._case, self._by = case, self._author().name
        by = self._by
        self.time.take()
        self._renew.start()
        self._connection.write(lambda project: _begin(project, case, by), taken, refused)

    def end(self) -> None:
        """Another window has the case: there is nothing to give back."""
        self._renew.stop()

    def give_back(self, left: Callable[[Case, CaseTaken | None], None]) -> None:
        """Give the case back. left : gets the case, and who had it in the meantime, if anybody did."""
        self._renew.stop()
        id, by, seconds = self._case, self._by, self.time.take()

        def leave(project: ReviewProject) -> tuple[Case, CaseTaken | None]:
            lost = None
            try:
                project.refuse_lost(id, by)
            except CaseTaken as error:
                lost = error
            project.leave(id, by, seconds)
            return project.case(id), lost

        self._connection.write(leave, lambda found: left(*found))

    def _on_renew(self) -> None:
        case, by = self._case, self._by
        self._connection.write(lambda project: project.renew(case, by), failed=partial(self.lost.emit, case))


class ActiveTime:
    """Seconds of work: the time between two signs of life, unless more than a minute lies between them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._seconds = 0.0

    def alive(self, *_: object) -> None:
        """The mouse was moved, something was painted, a key was pressed."""
        now = self._clock()
        if now - self._last <= IDLE_S:
            self._seconds += now - self._last
        self._last = now

    def take(self) -> float:
        """The seconds since the last call, and begin again."""
        self.alive()
        seconds, self._seconds = self._seconds, 0.0
        return seconds


def _begin(project: ReviewProject, id: str, by: str) -> Case:
    """Take a case on loan. What its file says is stored now if the scan has not come to it yet."""
    from napari_unet.review.scan import read_facts

    case = project.begin(id, by)
    if case.shape is None:
        project.put_facts({id: read_facts(project.source(id))}, by)
        case = project.case(id)
    return case
