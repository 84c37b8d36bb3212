"""Calls: what a reader or a model states about a case. None is ever changed; a further one takes it back.

A call that takes another one back says what holds instead, or nothing (`value` None). A call that
says something and that none has taken back holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, select

from napari_unet.review.record import Call, CallKind
from napari_unet.review.schema import calls
from napari_unet.review.trail import now
from napari_unet.review.types import Author, AuthorKind, Measurement

_LATER = calls.alias("later")
STANDS: ColumnElement[bool] = and_(
    calls.c.value.is_not(None), ~select(_LATER.c.number).where(_LATER.c.takes_back == calls.c.number).exists()
)
"""Of a call: it says something, and no call has taken it back."""


def add_call(
    connection: Connection,
    case: str,
    kind: CallKind,
    author: Author,
    value: Mapping[str, Any] | None,
    *,
    revision: str | None = None,
    takes_back: int | None = None,
) -> int:
    """Appends a call; returns its number. revision : the mask that it is about. value : None says nothing."""
    row = {
        "time": now(),
        "case": case,
        "kind": kind.value,
        "author_kind": author.kind.value,
        "author_name": author.name,
        "author_version": author.version,
        "revision": revision,
        "value": None if value is None else dict(value),
        "takes_back": takes_back,
    }
    key = connection.execute(insert(calls).values(**row)).inserted_primary_key
    assert key is not None  # of a single row
    return int(key[0])


def all_calls(connection: Connection, case: str | None = None) -> list[Call]:
    """Every call in order, of one case or of all; what was taken back too."""
    query = select(calls).order_by(calls.c.number)
    if case is not None:
        query = query.where(calls.c.case == case)
    return [call_from(row) for row in connection.execute(query)]


def standing(calls: Iterable[Call]) -> list[Call]:
    """Those of all calls that hold, in order."""
    known = list(calls)
    taken = {call.takes_back for call in known}
    return [call for call in known if call.value is not None and call.number not in taken]


def call_from(row: Row[Any]) -> Call:
    """One row of `calls`."""
    author = Author(AuthorKind(row.author_kind), row.author_name, row.author_version)
    kind = CallKind(row.kind)
    return Call(row.number, row.time, row.case, kind, author, row.revision, row.value, row.takes_back)


# -- lengths --


def measure(
    connection: Connection, case: str, lines: Iterable[Measurement], by: str, revision: str | None
) -> list[dict[str, Any]]:
    """States the lines that are measured in a case now, in place of those before; returns them as JSON."""
    told = [
        {
            "kind": line.kind,
            "points": [list(map(float, point)) for point in line.points],
            "length": float(line.length),
            "in_mm": line.in_mm,
            "slice": line.slice,
        }
        for line in lines
    ]
    before = _said_before(connection, case, CallKind.MEASURE)
    if told or before is not None:
        author = Author(AuthorKind.PERSON, by)
        value = {"lines": told}
        add_call(connection, case, CallKind.MEASURE, author, value, revision=revision, takes_back=before)
    return told


def forget_lines(connection: Connection, case: str, by: str) -> None:
    """Takes back the lines of a case: they were measured in another image."""
    before = _said_before(connection, case, CallKind.MEASURE)
    if before is not None:
        add_call(connection, case, CallKind.MEASURE, Author(AuthorKind.PERSON, by), None, takes_back=before)


def lines_of(connection: Connection, case: str | None = None) -> dict[str, tuple[Measurement, ...]]:
    """The lines that are measured in cases now, by case."""
    query = select(calls.c.case, calls.c.value).where(calls.c.kind == CallKind.MEASURE.value, STANDS)
    if case is not None:
        query = query.where(calls.c.case == case)
    return {
        row.case: tuple(map(_line, row.value["lines"]))
        for row in connection.execute(query.order_by(calls.c.number))
    }


def _said_before(connection: Connection, case: str, kind: CallKind) -> int | None:
    query = select(calls.c.number).where(calls.c.case == case, calls.c.kind == kind.value, STANDS)
    return connection.execute(query.order_by(calls.c.number.desc()).limit(1)).scalar()


def _line(line: Mapping[str, Any]) -> Measurement:
    (a, b), (c, d) = line["points"]
    return Measurement(line["kind"], ((a, b), (c, d)), line["length"], line["in_mm"], line["slice"])


# -- slices --


def mark_slices(
    connection: Connection, case: str, slices: Iterable[int], by: str, revision: str | None
) -> list[int]:
    """States the slices of a volume whose mask is right, in place of those before; returns them sorted."""
    told = sorted(set(map(int, slices)))
    before = _said_before(connection, case, CallKind.SLICES)
    if told or before is not None:
        author = Author(AuthorKind.PERSON, by)
        value = {"slices": told}
        add_call(connection, case, CallKind.SLICES, author, value, revision=revision, takes_back=before)
    return told


def marks_of(
    connection: Connection, case: str | None = None
) -> dict[str, tuple[tuple[int, ...], str | None]]:
    """The slices that are marked as right now, and the mask that they were marked in, by case."""
    query = select(calls.c.case, calls.c.value, calls.c.revision)
    query = query.where(calls.c.kind == CallKind.SLICES.value, STANDS)
    if case is not None:
        query = query.where(calls.c.case == case)
    return {
        row.case: (tuple(row.value["slices"]), row.revision)
        for row in connection.execute(query.order_by(calls.c.number))
    }


# -- findings --


def put_scores(
    connection: Connection, case: str, scores: Mapping[str, float], author: Author, output: str
) -> list[str]:
    """States a model's score of each finding, in place of its own before; returns those that are new.

    scores : 0..1. output : which answer of the model. A score that is there already is not stated again.
    """
    query = select(calls).where(
        calls.c.case == case,
        calls.c.kind == CallKind.FINDING.value,
        calls.c.author_kind == author.kind.value,
        calls.c.author_name == author.name,
        calls.c.author_version == author.version,
        STANDS,
    )
    own = {(row.value["output"], row.value["finding"]): row for row in connection.execute(query)}
    stated = []
    for finding, score in scores.items():
        value = {"finding": finding, "score": float(score), "output": output}
        before = own.get((output, finding))
        if before is not None and before.value == value:
            continue
        taken = None if before is None else int(before.number)
        add_call(connection, case, CallKind.FINDING, author, value, takes_back=taken)
        stated.append(finding)
    return stated
