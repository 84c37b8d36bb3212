"""The audit trail: every change of a project appends a line to it, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert

from napari_unet.review.schema import events


def now() -> datetime:
    """The time by this computer's clock, which may jump: nothing is ever put in order by it."""
    return datetime.now(UTC)


def note_event(connection: Connection, case: str | None, who: str, kind: str, **details: Any) -> None:
    """Appends one event. details : JSON values; never a path, a name or an ID of a patient."""
    note_events(connection, who, kind, [(case, details)])


def note_events(
    connection: Connection, who: str, kind: str, lines: Iterable[tuple[str | None, dict[str, Any]]]
) -> None:
    """Appends one event per (case, details), in order."""
    time = now()
    rows = [
        {"time": time, "case": case, "who": who, "kind": kind, "details": details} for case, details in lines
    ]
    if rows:
        connection.execute(insert(events), rows)
