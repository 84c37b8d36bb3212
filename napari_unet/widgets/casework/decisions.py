"""What a person decides about the open case, writes beside it and takes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from napari_unet.core.errors import UserError
from napari_unet.core.labels import lung
from napari_unet.review.types import Case, Measurement, Reason, Status

if TYPE_CHECKING:
    from napari_unet.widgets.casework.work import CaseWork


class EmptyMask(UserError):
    """The mask to be accepted is empty: the person is to confirm it with `accept(empty_ok=True)`."""


class Decisions:
    """Decides about the open case of a CaseWork and goes on to the next.

    What is decided is seen at once and written in the background; what comes of it is told by the signals of
    the CaseWork.
    """

    def __init__(self, work: CaseWork) -> None:
        self._work = work

    def accept(self, empty_ok: bool = False) -> bool:
        """Accept the mask and go on. False if nothing is done: an EmptyMask is told, to be confirmed.

        While the first mask is shown in its place, the mask itself is shown first.
        """
        layers = self._work.desk.layers
        if layers is None:
            return False
        if self._work.views.shows_first_mask:
            self._work.views.flip()
            self._work.failed.emit(
                UserError(
                    "That was the first mask, not the mask as it is now.",
                    "The mask as it is now is shown again: look at it, then accept once more.",
                )
            )
            return False
        if not empty_ok and not _has_lung(layers.mask.data):
            self._work.failed.emit(
                EmptyMask("The mask is empty.", "Accept once more if there is no lung to mark.")
            )
            return False
        self._decide(Status.ACCEPTED, empty_ok=empty_ok)
        return True

    def reject(self, reason: Reason) -> None:
        """Leave the case out, and go on."""
        self._decide(Status.REJECTED, reason)

    def second_look(self) -> None:
        """Mark the case for somebody to look at once more, and go on."""
        self._decide(Status.SECOND_LOOK)

    def take_back(self) -> None:
        """Undo this reviewer's last decision and open its case."""
        by = self._work.author().name

        def back(case: Case | None) -> None:
            if case is None:
                self._work.told.emit("There is no decision to take back.")
                return
            self._work.book.took(case)
            self._work.open_case(case.id)

        self._work.write(lambda project: project.take_back(by), back)

    def _decide(self, status: Status, reason: Reason | None = None, empty_ok: bool = False) -> None:
        work = self._work
        case, recorder, book = work.current, work.desk.recorder, work.book
        if case is None or recorder is None:
            return
        id, by = case.id, work.author().name

        def refused(error: UserError) -> None:
            work.failed.emit(error)
            book.refresh(id)

        recorder.compare()
        recorder.save()
        work.write(lambda project: project.decide(id, status, by, reason, empty_ok), book.took, refused)
        book.took(replace(case, status=status, reason=reason, reviewer=by, decided=datetime.now(UTC)))
        following = book.next_undecided(id)
        if following is None:
            work.opener.leave()
            work.told.emit("All cases of the queue are decided.")
        else:
            work.open_case(following, or_next=True)

    def set_note(self, text: str) -> None:
        """The note of the open case."""
        case = self._work.current
        if case is not None and text != case.note:
            id, by = case.id, self._work.author().name
            self._work.book.took(replace(case, note=text))
            self._work.write(lambda project: project.set_note(id, text, by))

    def set_measurements(self, measurements: tuple[Measurement, ...]) -> None:
        """The lines that were measured in the open case."""
        case = self._work.current
        if case is not None and measurements != case.measurements:
            id, by = case.id, self._work.author().name
            self._work.book.took(replace(case, measurements=measurements))
            self._work.write(lambda project: project.set_measurements(id, measurements, by))


def _has_lung(labels: Any) -> bool:
    """Whether any pixel is lung: neither background nor the ignore label."""
    step = max(1, (1 << 20) // max(1, labels[:1].size))
    parts = (labels[at : at + step] for at in range(0, len(labels), step))
    return any(lung(part).any() for part in parts)
