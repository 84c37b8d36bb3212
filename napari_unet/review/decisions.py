"""Who has a case open, what was decided about it, and taking a decision back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from napari_unet.core.errors import UserError
from napari_unet.review.cases import change
from napari_unet.review.rows import case_row
from napari_unet.review.schema import decisions, revisions
from napari_unet.review.trail import note_event, now
from napari_unet.review.types import DECIDED, AuthorKind, FileState, Reason, Status

LEASE = timedelta(minutes=10)
"""A case that nobody renewed for this long is free again: the window that had it is gone."""


def begin(connection: Connection, case: str, by: str) -> None:
    """Opens a case for one person. Raises UserError, with the name, if somebody else has it open."""
    row = case_row(connection, case)
    _refuse_leased(row, by)
    values: dict[str, Any] = {"lease": by, "lease_renewed": now()}
    if row.status == Status.NEW:
        values["status"] = Status.IN_PROGRESS.value
    change(connection, case, **values)
    note_event(connection, case, by, "opened")


def renew(connection: Connection, case: str, by: str) -> None:
    """Says that the case is still open. Raises UserError if somebody else has it meanwhile."""
    _refuse_leased(case_row(connection, case), by)
    change(connection, case, lease=by, lease_renewed=now())


def leave(connection: Connection, case: str, by: str, active_seconds: float) -> None:
    """Gives the case back, if `by` has it, and adds the time of work."""
    row = case_row(connection, case)
    values: dict[str, Any] = {"active_seconds": row.active_seconds + max(0.0, active_seconds)}
    if row.lease == by:
        values |= {"lease": "", "lease_renewed": None}
    change(connection, case, **values)
    note_event(connection, case, by, "left", active_seconds=round(active_seconds, 1))


def decide(
    connection: Connection, case: str, status: Status, by: str, reason: Reason | None, empty: str | None
) -> None:
    """Sets what was decided. empty : the empty mask that was made for this decision, if one was."""
    row = case_row(connection, case)
    _refuse_leased(row, by)
    before = {
        "status": row.status,
        "reason": row.reason,
        "reviewer": row.reviewer,
        "decided": None if row.decided is None else row.decided.isoformat(),
    }
    if status in (Status.ACCEPTED, Status.CORRECTED):
        status = Status.CORRECTED if corrected_by_person(connection, row.revision) else Status.ACCEPTED
    told = reason.value if reason else None
    time = now() if status in DECIDED else None
    change(connection, case, status=status.value, reason=told, reviewer=by, decided=time)
    row_values = {"case": case, "who": by, "status": status.value, "before": before, "revision": empty}
    connection.execute(insert(decisions).values(**row_values, taken_back=False))
    details = {"status": status.value, "reason": told, "revision": row.revision, "before": before}
    note_event(connection, case, by, "decided", **details)


def check_decision(row: Row[Any], status: Status, by: str, reason: Reason | None) -> None:
    """Raises UserError if this cannot be decided about the case as it stands."""
    _refuse_leased(row, by)
    if status not in DECIDED and status != Status.SECOND_LOOK:
        raise ValueError(f"{status} is no decision")
    if status == Status.REJECTED and reason is None:
        raise UserError("A case is rejected with a reason.", "Choose one of the reasons.")
    if status != Status.REJECTED and reason is not None:
        raise ValueError(f"{status} takes no reason")
    if status in (Status.ACCEPTED, Status.CORRECTED) and row.file_state == FileState.CHANGED:
        raise UserError(
            "The image file of this case has changed since it was added.",
            "Decide first whether its new content is to be used.",
        )


def take_back(connection: Connection, by: str) -> str | None:
    """Undoes the last decision of `by` that still stands; returns the case, None if there is none.

    Raises UserError if somebody else has decided about that case since, or has it open.
    """
    stands = decisions.c.taken_back.is_(False)
    mine = select(decisions).where(stands, decisions.c.who == by).order_by(decisions.c.number.desc())
    last = connection.execute(mine.limit(1)).one_or_none()
    if last is None:
        return None
    theirs = select(decisions).where(stands, decisions.c.case == last.case, decisions.c.number > last.number)
    other = connection.execute(theirs.limit(1)).one_or_none()
    row = case_row(connection, last.case)
    if other is not None:
        raise UserError(
            f"{other.who} has decided about case {row.number} since.", "Open the case to decide anew."
        )
    _refuse_leased(row, by)
    before = dict(last.before)
    before["decided"] = None if before["decided"] is None else datetime.fromisoformat(before["decided"])
    if last.revision is not None and row.revision == last.revision:
        before["revision"] = connection.execute(
            select(revisions.c.parent).where(revisions.c.id == last.revision)
        ).scalar()
    change(connection, last.case, **before)
    connection.execute(update(decisions).where(decisions.c.number == last.number).values(taken_back=True))
    note_event(connection, last.case, by, "taken back", status=last.status, restored=before["status"])
    return str(last.case)


def corrected_by_person(connection: Connection, head: str | None) -> bool:
    """True if a person's hand shows in the mask: it differs from the last one of a model or a file before it."""
    columns = (revisions.c.author_kind, revisions.c.labels_hash, revisions.c.pixels, revisions.c.parent)
    mask = connection.execute(select(*columns).where(revisions.c.id == head)).one_or_none()
    start = mask
    while start is not None and start.author_kind == AuthorKind.PERSON:
        start = connection.execute(select(*columns).where(revisions.c.id == start.parent)).one_or_none()
    if mask is None or start is mask:
        return False
    return bool(mask.pixels) if start is None else bool(mask.labels_hash != start.labels_hash)


def _refuse_leased(row: Row[Any], by: str) -> None:
    if row.lease in ("", by) or row.lease_renewed is None:
        return
    if abs(now() - row.lease_renewed) < LEASE:  # a clock that went back frees no case, one far off does
        raise UserError(
            f"{row.lease} has case {row.number} open.", "Take the next one, or ask them to leave it."
        )
