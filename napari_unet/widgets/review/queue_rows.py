"""Which cases the queue shows, in what order, and in which words. No Qt here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from statistics import median
from typing import Any

from napari_unet.core.header_facts import SHORT
from napari_unet.review.queue import SHAPE_PASSED, SHAPE_TIP, priorities
from napari_unet.review.types import DECIDED, SET_ASIDE, Case, Order, Status

_MINUTE = 60


class Column(IntEnum):
    """The columns of the queue, from left to right."""

    PICTURE = 0
    NUMBER = 1
    STATUS = 2
    WHY = 3
    PATIENT = 4
    REVIEWER = 5
    HEADER = 6


TITLES = {
    Column.PICTURE: "",
    Column.NUMBER: "No.",
    Column.STATUS: "Status",
    Column.WHY: "Reason",
    Column.PATIENT: "Patient",
    Column.REVIEWER: "Reviewer",
    Column.HEADER: "Header",
}

SHOWN: dict[str, frozenset[Status]] = {
    "All cases": frozenset(Status),
    "To do": frozenset(Status) - DECIDED,
    "New": frozenset({Status.NEW}),
    "In progress": frozenset({Status.IN_PROGRESS}),
    "Second look": frozenset({Status.SECOND_LOOK}),
    "Accepted": frozenset({Status.ACCEPTED}),
    "Corrected": frozenset({Status.CORRECTED}),
    "Rejected": frozenset({Status.REJECTED}),
}
"""What can be chosen to be shown, by title."""

ASIDE = "Image missing, changed or unreadable"
MASKLESS = "No first mask"
NEEDING = (ASIDE, MASKLESS)
"""What can be shown too: cases that need more than a look."""

_LEAST_DECIDED = 5  # before that the time that is left is a guess
_CELL = 48  # letters: two lines of the column
_QUICK_S = 10.0  # nobody looks at a case for less


@dataclass(frozen=True)
class RowFilter:
    """What is looked for.

    status : any of these. text : every word of it occurs in the case's row or note. needing : one of NEEDING,
    "" for all cases. names : of files by case, where they may be shown.
    """

    status: frozenset[Status] = frozenset(Status)
    text: str = ""
    needing: str = ""
    names: Mapping[str, str] = field(default_factory=dict)

    def words(self) -> tuple[str, ...]:
        return tuple(unicodedata.normalize("NFC", self.text).casefold().split())


def shown_rows(
    cases: Mapping[str, Case],
    queue: Sequence[str],
    row_filter: RowFilter,
    order: Order = Order.ID,
    sort: Column | None = None,
    descending: bool = False,
) -> list[str]:
    """Ids of the cases that pass the filter, in the order of the queue or sorted by a column.

    Equal ones stay in the order of the queue.

    Cases that the queue does not name come last, in the order of adding. A case whose number is looked for
    comes first.
    """
    named = set(queue)
    ids = [i for i in queue if i in cases] + [i for i in cases if i not in named]
    words, status = row_filter.words(), row_filter.status
    names = row_filter.names
    found = [i for i in ids if cases[i].status in status and _has(cases[i], words, order, names.get(i, ""))]
    if row_filter.needing:
        found = [i for i in found if needs(cases[i]) == row_filter.needing]
    if sort is not None:
        found.sort(key=lambda i: _key(cases[i], sort, order), reverse=descending)
    numbers = {int(word.lstrip("#")) for word in words if word.lstrip("#").isdecimal()}
    if numbers:
        found.sort(key=lambda i: cases[i].number not in numbers)
    return found


def _has(case: Case, words: tuple[str, ...], order: Order, name: str) -> bool:
    if not words:
        return True
    cells = (
        f"#{case.number}",
        status_words(case),
        why_words(case, order),
        case.patient[:6],
        case.reviewer,
        header_words(case),
        case.note,
        name,
    )
    row = unicodedata.normalize("NFC", " ".join(cells)).casefold()
    return all(word in row for word in words)


def words_of(case: Case, column: Column, order: Order) -> str:
    """The text of a cell. order : of the queue."""
    if column is Column.NUMBER:
        return str(case.number)
    if column is Column.STATUS:
        return status_words(case)
    if column is Column.WHY:
        return why_words(case, order)
    if column is Column.PATIENT:
        return case.patient[:6]
    if column is Column.REVIEWER:
        return case.reviewer
    if column is Column.HEADER:
        return header_words(case)
    return ""


def header_words(case: Case) -> str:
    """What the header of the image says that the model's card does not expect, for instance "Under 18"."""
    return ", ".join(text for code, text in SHORT.items() if code in (case.checks or ()))


def status_words(case: Case) -> str:
    """The status, with the reason for a rejection."""
    if case.status is Status.SECOND_LOOK:
        return "Second look"
    if case.status is Status.REJECTED and case.reason is not None:
        return f"Rejected: {case.reason.value}"
    return case.status.value.capitalize()


def patient_words(case: Case) -> str:
    """Whose image it is, by the beginning of the salted hash; else what follows from nobody knowing it."""
    if case.patient:
        return f"Patient {case.patient[:6]}"
    why = " (the file has a placeholder for the ID)" if case.placeholder else ""
    return f"Patient not known{why}: the case counts as a separate patient."


def why_words(case: Case, order: Order) -> str:
    """Why the case has its place in a queue of this order."""
    return priorities([case], order)[case.id][1]


def short_why(case: Case, order: Order) -> str:
    """`why_words` for a cell of two lines: of several check results the worst, and how many more."""
    whole = why_words(case, order)
    if order is not Order.CHECKS or is_unavailable(case):
        return whole
    worst, *more = whole.split("; ")
    short = worst.partition(": ")[0] if len(worst) > _CELL else worst
    return f"{short} (+{len(more)} more)" if more else short


def is_unavailable(case: Case) -> bool:
    """Whether something must be decided about the image file before the case can be opened."""
    return case.file_state in SET_ASIDE


def needs(case: Case) -> str:
    """Which of NEEDING a case is, "" if it only needs a look."""
    if is_unavailable(case):
        return ASIDE
    return MASKLESS if case.revision is None and case.status not in DECIDED else ""


def counts_of_needs(cases: Iterable[Case]) -> dict[str, int]:
    """How many cases are of each of NEEDING; those without a mask only count where others have one."""
    counts, masks = dict.fromkeys(NEEDING, 0), False
    for case in cases:
        need = needs(case)
        if need:
            counts[need] += 1
        masks = masks or case.revision is not None
    return counts if masks else {**counts, MASKLESS: 0}


def tip_of(case: Case, order: Order) -> str:
    """All that is known about a case, one line each."""
    lines = [f"Case {case.number}: {status_words(case)}"]
    if why_words(case, order):
        lines.append(why_words(case, order))
    if why_words(case, order) == SHAPE_PASSED:
        lines.append(SHAPE_TIP)
    lines.append(patient_words(case))
    if case.view or case.modality:
        lines.append(" ".join(part for part in (case.modality, case.view) if part))
    if case.reviewer:
        lines.append(f"Reviewed by {case.reviewer}{_on(case.decided)}")
    if case.changed is not None:
        after = " after the decision" if case.decided is not None and case.changed > case.decided else ""
        lines.append(f"Mask corrected by {case.changed_by}{_on(case.changed)}{after}")
    if case.lease:
        lines.append(f"Opened by {case.lease}")
    if case.active_seconds >= 1:
        lines.append(f"Worked on for {duration(case.active_seconds)}")
    if case.note:
        lines.append(f"Note: {case.note}")
    return "\n".join(lines)


def _on(time: datetime | None) -> str:
    """ " on 29 Nov 2026, 14:02" by this computer's clock; "" if nothing is known."""
    if time is None:
        return ""
    return f" on {(time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone():%d %b %Y, %H:%M}"


@dataclass(frozen=True)
class Progress:
    """How far the reviewer has come. seconds_left : None as long as there is nothing to go by."""

    done: int
    total: int
    seconds_left: float | None

    def words(self) -> str:
        """For instance "37 of 212, about 40 min left"."""
        if not self.total:
            return "No cases yet"
        if self.done == self.total:
            return f"All {self.total:,} done"
        if self.seconds_left is None:
            return f"{self.done:,} of {self.total:,}"
        left = duration(max(_MINUTE, self.seconds_left))
        return f"{self.done:,} of {self.total:,}, about {left} left"


def progress_of(cases: Iterable[Case]) -> Progress:
    """What is left takes as long as half of the decided cases took at most, once there are a few."""
    done, total = 0, 0
    times = []
    for case in cases:
        total += 1
        if case.status in DECIDED:
            done += 1
            if case.active_seconds > 0:
                times.append(case.active_seconds)
    if len(times) < _LEAST_DECIDED:
        return Progress(done, total, None)
    return Progress(done, total, max(_QUICK_S, median(times)) * (total - done))


def duration(seconds: float) -> str:
    """A length of time in words, to the precision that a person wants."""
    if seconds < _MINUTE:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes} min"
    hours, rest = divmod(minutes, _MINUTE)
    return f"{hours} h {rest} min" if hours < 10 and rest else f"{hours:,} h"


_STATUS = {status: place for place, status in enumerate(Status)}


def _key(case: Case, column: Column, order: Order) -> Any:
    if column is Column.STATUS:
        return _STATUS[case.status], status_words(case)
    if column is Column.WHY:
        priority, why = priorities([case], order)[case.id]
        return -priority, why
    if column is Column.PATIENT:
        return not case.patient, case.patient
    if column is Column.REVIEWER:
        return not case.reviewer, case.reviewer.casefold()
    if column is Column.HEADER:
        return not header_words(case), header_words(case)
    return case.number
