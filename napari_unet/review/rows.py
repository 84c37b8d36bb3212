"""Rows of the tables as the values of `types.py` and `record.py`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Result, Row, Select, and_, select

from napari_unet.core.errors import UserError
from napari_unet.core.leaks import Fingerprint
from napari_unet.core.source import Source
from napari_unet.review.calls import lines_of, marks_of
from napari_unet.review.leases import FREE, is_leased
from napari_unet.review.record import Event, Revision
from napari_unet.review.schema import cases, events, files, revisions
from napari_unet.review.trail import now
from napari_unet.review.types import Author, AuthorKind, Case, FileState, Measurement, Reason, Status

_STATUS = {status.value: status for status in Status}
_STATE = {state.value: state for state in FileState}
_HIDDEN = ("patient_from", "found", "look")
_CASE_COLUMNS = [column for column in cases.c if column.name not in _HIDDEN]
_BY_PERSON = and_(revisions.c.id == cases.c.revision, revisions.c.author_kind == AuthorKind.PERSON.value)
_CASES: Select[Any] = select(
    *_CASE_COLUMNS, revisions.c.time.label("changed"), revisions.c.author_name.label("changed_by")
).outerjoin(revisions, _BY_PERSON)


def all_cases(connection: Connection, nobody: Collection[str] = ()) -> list[Case]:
    """Every case by number. nobody : hashes in the place of a patient that stand for none."""
    lines, marks = lines_of(connection), marks_of(connection)
    rows = connection.execute(_CASES.order_by(cases.c.number))
    time = now()
    return [_case(row, lines.get(row.id, ()), marks.get(row.id), time, nobody) for row in rows]


def one_case(connection: Connection, case: str, nobody: Collection[str] = ()) -> Case:
    """One case; see `all_cases`. Raises UserError if the project has no such case."""
    row = _found(connection.execute(_CASES.where(cases.c.id == case)), "case", case)
    lines, marks = lines_of(connection, case), marks_of(connection, case)
    return _case(row, lines.get(case, ()), marks.get(case), now(), nobody)


def all_fingerprints(connection: Connection, nobody: Collection[str]) -> list[Fingerprint]:
    """Where else each case may be found, by number."""
    columns = (cases.c.id, cases.c.patient, cases.c.content_hash, cases.c.look)
    return [
        Fingerprint(
            row.id,
            "" if row.patient in nobody else row.patient,
            row.content_hash,
            None if row.look is None else int(row.look, 16),
        )
        for row in connection.execute(select(*columns).order_by(cases.c.number))
    ]


def all_sources(connection: Connection) -> dict[str, Source]:
    """Where the image of each case lies, by number of the case."""
    query = select(files.c.case, files.c.path).join(cases).order_by(cases.c.number, files.c.position)
    found: dict[str, list[Path]] = defaultdict(list)
    for case, path in connection.execute(query):
        found[case].append(Path(path))
    return {case: Source(tuple(paths)) for case, paths in found.items()}


def one_source(connection: Connection, case: str) -> Source:
    """Where the image of a case lies. Raises UserError if the project has no such case."""
    query = select(files.c.path).where(files.c.case == case)
    paths = connection.execute(query).scalars().all()
    if not paths:
        case_row(connection, case)
    return Source(tuple(map(Path, paths)))


def case_row(connection: Connection, case: str) -> Row[Any]:
    """All columns of one case. Raises UserError if the project has no such case."""
    return _found(connection.execute(select(cases).where(cases.c.id == case)), "case", case)


def revision_from(row: Row[Any]) -> Revision:
    """One row of `revisions`. A first mask has no numbers against its parent; no answer (NULL) is nan."""
    first = row.parent is None
    compared = not first and row.changed_pixels is not None
    return Revision(
        id=row.id,
        case=row.case,
        number=row.number,
        file=row.file,
        author=Author(AuthorKind(row.author_kind), row.author_name, row.author_version),
        parent=row.parent,
        time=row.time,
        sha256=row.sha256,
        dice=_nan(row.dice) if compared else None,
        hd95=_nan(row.hd95) if compared else None,
        changed_pixels=row.changed_pixels,
        changed_mm2=row.changed_mm2,
        note=row.note,
        sides=row.sides,
    )


def one_revision(connection: Connection, revision: str) -> Row[Any]:
    """One row of `revisions`. Raises UserError if the project has no such mask."""
    return _found(connection.execute(select(revisions).where(revisions.c.id == revision)), "mask", revision)


def all_events(connection: Connection, case: str | None) -> list[Event]:
    """The audit trail in order, of one case or of all."""
    query = select(events).order_by(events.c.number)
    if case is not None:
        query = query.where(events.c.case == case)
    rows = connection.execute(query)
    return [Event(row.number, row.time, row.case, row.who, row.kind, row.details) for row in rows]


def _found(result: Result[Any], what: str, name: str) -> Row[Any]:
    row = result.one_or_none()
    if row is None:
        raise UserError(f"The project has no {what} {name}.", "Open the project again.")
    return row


def _case(
    row: Row[Any],
    lines: tuple[Measurement, ...],
    marks: tuple[tuple[int, ...], str | None] | None,
    time: datetime,
    nobody: Collection[str],
) -> Case:
    values = dict(row._mapping)
    for name in FREE:
        del values[name]
    values["row_direction"] = values.pop("columns_towards")
    values["lease"] = row.lease if is_leased(row, time) else ""
    if row.patient in nobody:
        values |= {"patient": "", "placeholder": True}
    values["status"] = _STATUS[values["status"]]
    values["file_state"] = _STATE[values["file_state"]]
    values["reason"] = None if values["reason"] is None else Reason(values["reason"])
    values["changed_by"] = row.changed_by or ""
    for name in ("shape", "spacing_mm", "checks"):
        values[name] = None if values[name] is None else tuple(values[name])
    marked, marked_in = marks or ((), None)
    return Case(**values, measurements=lines, marked=marked, marked_in=marked_in)


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
