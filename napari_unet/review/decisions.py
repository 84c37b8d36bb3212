"""Who has a case open, what was decided about it, and taking a decision back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, select

from napari_unet.core.checks import Code
from napari_unet.core.errors import UserError
from napari_unet.review.calls import STANDS, add_call
from napari_unet.review.cases import change
from napari_unet.review.labels import labels_of
from napari_unet.review.leases import FREE, Session
from napari_unet.review.record import CallKind
from napari_unet.review.revisions import corrected_by_person, encode, follow_back, has_mark, store
from napari_unet.review.rows import case_row
from napari_unet.review.schema import calls, revisions
from napari_unet.review.trail import note_event, now
from napari_unet.review.types import DECIDED, USABLE, Author, AuthorKind, FileState, Reason, Status


def begin(connection: Connection, session: Session, case: str, by: str) -> None:
    """Opens a case for one person. Raises CaseTaken, with the name, if another session has it open."""
    row, time = case_row(connection, case), now()
    session.refuse_taken(row, by, time)
    values = session.lease(by, time)
    if row.status == Status.NEW:
        values["status"] = Status.IN_PROGRESS.value
    change(connection, case, **values)
    note_event(connection, case, by, "opened")


def renew(connection: Connection, session: Session, case: str, by: str) -> None:
    """Says that the case is still open. Raises CaseTaken if another session has it, or has had it since."""
    time = now()
    session.refuse_lost(case_row(connection, case), by, time)
    change(connection, case, **session.lease(by, time))


def leave(connection: Connection, session: Session, case: str, by: str, active_seconds: float) -> None:
    """Gives the case back, if this session has it, and adds the time of work."""
    row = case_row(connection, case)
    values: dict[str, Any] = {"active_seconds": row.active_seconds + max(0.0, float(active_seconds))}
    if row.lease_session == session.id:
        values |= FREE
    change(connection, case, **values)
    note_event(connection, case, by, "left", active_seconds=round(float(active_seconds), 1))


def decide(
    connection: Connection,
    session: Session,
    folder: Path,
    case: str,
    status: Status,
    by: str,
    reason: Reason | None,
    empty_ok: bool,
) -> None:
    """Sets what was decided about a case; see `ReviewProject.decide`."""
    row = case_row(connection, case)
    _check(row, status, reason)
    session.refuse_lost(row, by, now())
    empty = None
    if status in USABLE:
        if not has_mark(connection, row.revision):
            empty = _confirmed_empty(connection, folder, row, by, empty_ok)
        corrected = corrected_by_person(connection, empty or row.revision)
        status = Status.CORRECTED if corrected else Status.ACCEPTED
    before = {
        "status": row.status,
        "reason": row.reason,
        "reviewer": row.reviewer,
        "decided": None if row.decided is None else row.decided.isoformat(),
    }
    told = reason.value if reason else None
    time = now() if status in DECIDED else None
    change(connection, case, status=status.value, reason=told, reviewer=by, decided=time)
    value = {"status": status.value, "reason": told, "before": before, "made": empty}
    seen, author = empty or row.revision, Author(AuthorKind.PERSON, by)
    add_call(connection, case, CallKind.DECISION, author, value, revision=seen)
    details = {"status": status.value, "reason": told, "revision": empty or row.revision, "before": before}
    note_event(connection, case, by, "decided", **details)


def take_back(connection: Connection, session: Session, by: str) -> str | None:
    """Undoes the last decision of `by` that still holds, by a further call; returns the case, or None.

    Raises UserError if somebody else has decided about that case since, or has it open.
    """
    decided = select(calls).where(calls.c.kind == CallKind.DECISION.value, STANDS)
    mine = decided.where(calls.c.author_name == by).order_by(calls.c.number.desc())
    last = connection.execute(mine.limit(1)).one_or_none()
    if last is None:
        return None
    theirs = decided.where(calls.c.case == last.case, calls.c.number > last.number)
    other = connection.execute(theirs.limit(1)).one_or_none()
    row = case_row(connection, last.case)
    if other is not None:
        raise UserError(
            f"{other.author_name} has decided about case {row.number} since.",
            "Open the case to decide again.",
        )
    session.refuse_lost(row, by, now())
    before, made = dict(last.value["before"]), last.value["made"]
    before["decided"] = None if before["decided"] is None else datetime.fromisoformat(before["decided"])
    if made is not None and row.revision == made:
        parent = select(revisions.c.parent).where(revisions.c.id == made)
        follow_back(connection, last.case, connection.execute(parent).scalar())
    change(connection, last.case, **before)
    author = Author(AuthorKind.PERSON, by)
    add_call(connection, last.case, CallKind.DECISION, author, None, takes_back=last.number)
    undone = last.value["status"]
    note_event(connection, last.case, by, "taken back", status=undone, restored=before["status"])
    return str(last.case)


def _check(row: Row[Any], status: Status, reason: Reason | None) -> None:
    """Raises UserError if this cannot be decided about the case as it is."""
    if status not in DECIDED and status != Status.SECOND_LOOK:
        raise ValueError(f"{status} is no decision")
    if status == Status.REJECTED and reason is None:
        raise UserError("Rejecting a case needs a reason.", "Choose one of the reasons.")
    if status != Status.REJECTED and reason is not None:
        raise ValueError(f"{status} takes no reason")
    if status in USABLE and row.file_state == FileState.CHANGED:
        raise UserError(
            "The image file of this case has changed since it was added.",
            "Decide first whether its new content is to be used.",
        )


def _confirmed_empty(
    connection: Connection, folder: Path, row: Row[Any], by: str, empty_ok: bool
) -> str | None:
    """The empty mask that says that there is nothing to mark, or None. UserError if that is unconfirmed."""
    labels = labels_of(connection)
    if not empty_ok:
        none = "no lung" if labels.of_lungs else "nothing"
        raise UserError(
            f"Case {row.number} has {none} in its mask.", "Draw it, or confirm that there is none to draw."
        )
    if row.revision is not None:
        return None
    if row.shape is None:
        raise UserError(
            f"The image of case {row.number} has not been read yet.", "Open it before you accept it."
        )
    mask = encode(np.zeros(tuple(row.shape), np.uint8))
    author = Author(AuthorKind.PERSON, by)
    code = Code.NO_LUNG if labels.of_lungs else Code.EMPTY
    return store(connection, folder, row.id, mask, author, "empty", None, None, (code.value,))
