"""What a person decides about the open case, writes beside it and takes back."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_unet.core.checks import OF_IMAGE, Code
from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LabelSet
from napari_unet.core.labels import lung
from napari_unet.review.types import Author, Case, Measurement, Reason, Status
from napari_unet.widgets.casework.approved import ApprovedMasks
from napari_unet.widgets.casework.cache import CaseLayers
from napari_unet.widgets.casework.case_list import CaseList
from napari_unet.widgets.casework.connection import ProjectConnection
from napari_unet.widgets.casework.opener import CaseOpener
from napari_unet.widgets.casework.presenter import CasePresenter
from napari_unet.widgets.casework.stroke_recorder import StrokeRecorder
from napari_unet.widgets.casework.views import CaseViews


class EmptyMask(UserError):
    """The mask to be accepted is empty: the person is to confirm it with `accept(empty_ok=True)`."""


class StillWrong(UserError):
    """Checks of the mask fail: the person is to look, or to accept again."""


class Decisions(QObject):
    """Decides about the open case and goes on to the next.

    What is decided is seen at once and written in the background. failed : a UserError, also an EmptyMask or
    StillWrong. reported : what happened, in a sentence.
    """

    failed = Signal(object)
    reported = Signal(str)

    def __init__(
        self,
        connection: ProjectConnection,
        case_list: CaseList,
        presenter: CasePresenter,
        opener: CaseOpener,
        views: CaseViews,
        approved: ApprovedMasks,
        author: Callable[[], Author],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._connection = connection
        self._case_list = case_list
        self._presenter = presenter
        self._opener = opener
        self._views = views
        self._approved = approved
        self._author = author
        self._told_of: dict[str, frozenset[str]] = {}  # failed checks that were reported, by case
        self._checking: CaseLayers | None = None

    def accept(self, empty_ok: bool = False, done: Callable[[], None] = lambda: None) -> bool:
        """Accept the mask and go on. False if nothing is done yet.

        An EmptyMask is reported, to be confirmed by `empty_ok`. What the checks still find is reported
        once, as StillWrong: the same call then accepts it. A mask that was painted on is checked in a thread
        first; `done` is called if it is accepted then. While the first mask is shown in its place, the mask
        itself is shown first.
        """
        layers, recorder = self._presenter.layers, self._presenter.recorder
        if layers is None or recorder is None or self._checking is layers or recorder.is_asking:
            return False
        if self._views.shows_first_mask:
            self._views.flip()
            self.failed.emit(
                UserError(
                    "The first mask was in view, not the current one.",
                    "The current mask is shown again: look at it, then accept once more.",
                )
            )
            return False
        if _is_marked(layers.mask.data):
            return self._check_and_accept(layers, recorder, done)
        if not empty_ok:
            none = "no lung" if self._connection.labels.of_lungs else "nothing"
            self.failed.emit(EmptyMask("The mask is empty.", f"Accept once more if there is {none} to mark."))
            return False
        self._decide(Status.ACCEPTED, empty_ok=True)
        return True

    def _check_and_accept(
        self, layers: CaseLayers, recorder: StrokeRecorder, done: Callable[[], None]
    ) -> bool:
        case = self._current()
        if case is None:
            return False
        if not recorder.was_painted:
            return self._accept_checked(case.checks or ())
        self._checking = layers
        mask, labels = np.array(layers.mask.data), self._connection.labels
        pixels = layers.loaded.hounsfield
        job = self._connection.run(lambda: _checks(mask, case, labels, pixels), quiet=True)
        job.succeeded.connect(lambda codes: self._checked(layers, codes, done))
        job.failed.connect(lambda _: self._checked(layers, (), done))
        job.ended.connect(self._end_checking)
        return False

    def _checked(self, layers: CaseLayers, codes: tuple[str, ...], done: Callable[[], None]) -> None:
        """The mask that was painted on has been checked."""
        self._end_checking()
        case = self._current()
        if self._presenter.layers is not layers or case is None:
            number = self._case_list.cases[layers.id].number if layers.id in self._case_list.cases else ""
            left = f"Case {number} was not accepted: another case was opened while its mask was checked."
            self.failed.emit(UserError(left, "Open it and accept it."))
        elif self._accept_checked(codes):
            done()

    def _end_checking(self) -> None:
        self._checking = None

    def _accept_checked(self, codes: Collection[str]) -> bool:
        """Accept unless checks fail that were not reported yet."""
        from napari_unet.review.queue import reasons

        case = self._current()
        if case is None:
            return False
        wrong = frozenset(codes) - {*OF_IMAGE, Code.NO_LUNG, Code.EMPTY}
        if not wrong <= self._told_of.get(case.id, frozenset()):
            self._told_of[case.id] = wrong
            found = "; ".join(reasons([code for code in codes if code in wrong]))
            self.failed.emit(
                StillWrong(f"Case {case.number}: {found}.", "Correct the mask, or accept once more.")
            )
            return False
        self._decide(Status.ACCEPTED)
        return True

    def reject(self, reason: Reason) -> None:
        """Leave the case out, and go on."""
        self._decide(Status.REJECTED, reason)

    def second_look(self) -> None:
        """Mark the case for somebody to look at again, and go on."""
        self._decide(Status.SECOND_LOOK)

    def take_back(self) -> None:
        """Undo this reviewer's last decision and open its case."""
        by = self._author().name

        def back(case: Case | None) -> None:
            if case is None:
                self.reported.emit("There is no decision to take back.")
                return
            self._case_list.took(case)
            self._open(case.id)

        self._connection.write(lambda project: project.take_back(by), back)

    def _decide(self, status: Status, reason: Reason | None = None, empty_ok: bool = False) -> None:
        case, recorder, case_list = self._current(), self._presenter.recorder, self._case_list
        if case is None or recorder is None:
            return
        id, by = case.id, self._author().name

        def refused(error: UserError) -> None:
            self.failed.emit(error)
            case_list.refresh(id)

        recorder.answer(False)
        recorder.compare()
        recorder.save()
        self._approved.decided(id)
        self._connection.write(
            lambda project: project.decide(id, status, by, reason, empty_ok), case_list.took, refused
        )
        case_list.took(replace(case, status=status, reason=reason, reviewer=by, decided=datetime.now(UTC)))
        following = case_list.next_undecided(id)
        if following is None:
            self._opener.leave()
            self.reported.emit("All cases of the queue are decided.")
        else:
            self._open(following, or_next=True)

    def _current(self) -> Case | None:
        layers = self._presenter.layers
        return None if layers is None else self._case_list.cases.get(layers.id)

    def _open(self, id: str, or_next: bool = False) -> None:
        self._opener.lease.time.alive()
        self._opener.open(id, or_next)

    def set_note(self, text: str) -> None:
        """The note of the open case."""
        case = self._current()
        if case is not None and text != case.note:
            id, by = case.id, self._author().name
            self._case_list.took(replace(case, note=text))
            self._connection.write(lambda project: project.set_note(id, text, by))

    def set_measurements(self, measurements: tuple[Measurement, ...]) -> None:
        """The lines that were measured in the open case."""
        case = self._current()
        if case is not None and measurements != case.measurements:
            id, by = case.id, self._author().name
            self._case_list.took(replace(case, measurements=measurements))
            self._connection.write(lambda project: project.set_measurements(id, measurements, by))

    def set_marked(self, slices: tuple[int, ...]) -> None:
        """The slices of the open case that are marked as right."""
        case = self._current()
        if case is not None and slices != case.marked:
            id, by = case.id, self._author().name
            self._case_list.took(replace(case, marked=slices, marked_in=case.revision))
            self._connection.write(lambda project: project.set_marked(id, slices, by))


def _checks(mask: Any, case: Case, labels: LabelSet, pixels: Any) -> tuple[str, ...]:
    from napari_unet.review.mask_checks import mask_checks

    return mask_checks(mask, case, labels, pixels)


def _is_marked(mask: Any) -> bool:
    """Whether any pixel has a label: it is neither background nor to be ignored."""
    step = max(1, (1 << 20) // max(1, mask[:1].size))
    parts = (mask[at : at + step] for at in range(0, len(mask), step))
    return any(lung(part).any() for part in parts)
