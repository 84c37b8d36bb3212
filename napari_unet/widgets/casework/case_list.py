"""What the window knows of the cases: a snapshot of each, and the order of the queue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal
from superqt.utils import qdebounced

from napari_unet.review.types import DECIDED, SET_ASIDE, USABLE, Case, Order
from napari_unet.widgets.casework.connection import ProjectConnection

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject

_FEW = 8  # cases that are read one by one
_CALM_MS = 1500  # before the queue is sorted after check results have come in


class CaseList(QObject):
    """Snapshots of the cases of the open project, on the GUI thread, kept up to date.

    cases_changed : ids that are new or changed in `cases`. queue_changed : `queue` is another.
    """

    cases_changed = Signal(list)
    queue_changed = Signal()

    def __init__(self, connection: ProjectConnection, parent: QObject) -> None:
        super().__init__(parent)
        self.cases: dict[str, Case] = {}
        self.queue: list[str] = []
        self.order = Order.CHECKS
        self._connection = connection
        self._places: dict[str, int] = {}
        self._sort_soon = qdebounced(self.sort, timeout=_CALM_MS, parent=self)

    def use(self, cases: Iterable[Case]) -> None:
        """The cases of another project, or none."""
        self._sort_soon.cancel()
        self.cases = {case.id: case for case in cases}
        self._set_queue(_sorted(list(self.cases.values()), self.order))
        if self.order is Order.INFORMATIVE:  # what was found when it was sorted last may be of yesterday
            self.sort()

    def took(self, case: Case) -> None:
        """A case is `case` now."""
        before = self.cases.get(case.id)
        if before == case:
            return
        self.cases[case.id] = case
        if before is None:
            self._set_queue([*self.queue, case.id])
        elif (before.checks, before.uncertainty, before.file_state) != (
            case.checks,
            case.uncertainty,
            case.file_state,
        ):
            self._sort_soon()
        self.cases_changed.emit([case.id])

    def took_mask(self, case: Case) -> None:
        """The mask of a case was saved: what follows from it is as in `case`.

        The queue is not sorted again for it: the open case would move while somebody works on it.
        """
        before = self.cases.get(case.id)
        if before is None:
            return
        now = replace(
            before,
            revision=case.revision,
            checks=case.checks,
            changed=case.changed,
            changed_by=case.changed_by,
        )
        if before.status in USABLE and case.status in USABLE:
            now = replace(now, status=case.status)
        if now != before:
            self.cases[case.id] = now
            self.cases_changed.emit([case.id])

    def refresh(self, id: str) -> None:
        """Take a case from the project again, after all that is being written."""
        self._connection.write(lambda project: project.case(id), self.took)

    def reload(self, ids: Sequence[str] | None = None) -> None:
        """Take cases from the project again, after many have changed; None: all, and which there are."""
        if ids is not None and len(ids) <= _FEW:
            for id in ids:
                self.refresh(id)
            return
        project = self._connection.project
        job = self._connection.read(lambda project: project.cases())
        job.succeeded.connect(
            lambda cases: self._use_again(cases) if project is self._connection.project else None
        )

    def set_order(self, order: Order) -> None:
        """Sort the queue another way; the reason for each case's place changes, too."""
        self.order = order
        self.queue_changed.emit()
        self.sort()

    def sort(self) -> None:
        """Sort the queue by what is known now."""
        self._sort_soon.cancel()
        project, cases, order = self._connection.project, list(self.cases.values()), self.order
        if project is None:
            return
        job = self._connection.run(lambda: _ranked(project, cases, order))

        def use(found: tuple[list[tuple[Case, Case]], list[str]]) -> None:
            changes, queue = found
            if project is self._connection.project and order == self.order:
                self._take_ranks(changes)
                known = set(queue)
                self._set_queue(queue + [id for id in self.cases if id not in known])

        job.succeeded.connect(use)

    def place(self, id: str) -> int | None:
        """Where a case is in the queue, from 0."""
        return self._places.get(id)

    def beside(self, id: str, by: int) -> str | None:
        """The case `by` places behind a case in the queue, or before it; None where the queue ends.

        If `id` is not in the queue, the first one behind it is the first of all, the one before it the last.
        """
        place = self.place(id)
        at = (-1 if by > 0 else len(self.queue)) if place is None else place
        return self.queue[at + by] if 0 <= at + by < len(self.queue) else None

    def next_undecided(self, id: str, without: Collection[str] = ()) -> str | None:
        """The first case behind `id` that is not decided, else the first of all; None if no other is.

        without : ids of cases that are to be omitted.
        """
        start = self._places.get(id, -1) + 1
        for other in (*self.queue[start:], *self.queue[:start]):
            case = self.cases[other]
            if other == id or other in without:
                continue
            if case.status not in DECIDED and case.file_state not in SET_ASIDE:
                return other
        return None

    def is_decided(self, id: str) -> bool:
        """Whether a case is decided, as far as is known here."""
        return id in self.cases and self.cases[id].status in DECIDED

    def _use_again(self, cases: Sequence[Case]) -> None:
        before, self.cases = self.cases, {case.id: case for case in cases}
        known = [id for id in self.queue if id in self.cases]
        there = set(known)
        self._set_queue(known + [id for id in self.cases if id not in there])
        self.cases_changed.emit([id for id, case in self.cases.items() if before.get(id) != case])
        self.sort()

    def _take_ranks(self, changes: list[tuple[Case, Case]]) -> None:
        """Cases as they were when the sorting began, and with their ranks; there may be thousands."""
        for old, new in changes:
            now = self.cases.get(new.id, old)
            self.cases[new.id] = new if now is old else replace(now, priority=new.priority, why=new.why)
        if changes:
            self._connection.write(partial(_keep_ranks, cases=[new for _, new in changes]))
            self.cases_changed.emit([new.id for _, new in changes])

    def _set_queue(self, queue: list[str]) -> None:
        if queue != self.queue:
            self.queue = queue
            self._places = {id: place for place, id in enumerate(queue)}
            self.queue_changed.emit()


def _ranked(
    project: ReviewProject, cases: list[Case], order: Order
) -> tuple[list[tuple[Case, Case]], list[str]]:
    """(cases that have another rank now, before and after; the queue)."""
    if order is not Order.INFORMATIVE:
        return [], _sorted(cases, order)
    from napari_unet.review.useful import useful_first

    ranks = useful_first(cases, project.features())
    now = {case.id: case for case in cases}
    changes = []
    for case in cases:
        priority, why = ranks.get(case.id, (case.priority, case.why))
        if (priority, why) != (case.priority, case.why):
            now[case.id] = replace(case, priority=priority, why=why)
            changes.append((case, now[case.id]))
    return changes, _sorted(list(now.values()), order)


def _keep_ranks(project: ReviewProject, cases: list[Case]) -> None:
    project.set_queue({case.id: (case.priority, case.why) for case in cases})


def _sorted(cases: list[Case], order: Order) -> list[str]:
    from napari_unet.review.queue import order_cases

    found: Any = order_cases(cases, order)
    return list(found)
