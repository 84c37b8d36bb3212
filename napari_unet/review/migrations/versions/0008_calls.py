"""What readers and models state about cases, in lines that are only added: decisions and lengths move there.

Revision ID: 0008
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = "0007"

_KEEP = "CREATE TRIGGER calls_no_{verb} BEFORE {verb} ON calls BEGIN SELECT RAISE(ABORT, 'calls stay'); END"
_Told = dict[tuple[str, str, str], list[Any]]  # events by kind, case and who, in order


def upgrade() -> None:
    calls = op.create_table(
        "calls",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("time", sa.DateTime, nullable=False),
        sa.Column("case", sa.String(32), sa.ForeignKey("cases.id"), nullable=False, index=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("author_kind", sa.String(10), nullable=False),
        sa.Column("author_name", sa.String(200), nullable=False, index=True),
        sa.Column("author_version", sa.String(50), nullable=False),
        sa.Column("revision", sa.String(50)),
        sa.Column("value", sa.JSON(none_as_null=True)),
        sa.Column("takes_back", sa.Integer, sa.ForeignKey("calls.number")),
        sa.UniqueConstraint("takes_back", name="taken_back_once"),
        sqlite_autoincrement=True,
    )
    told = _events()
    rows = _decisions(told)
    rows += _measures(told, first=1 + max((row["number"] for row in rows), default=0))
    project = sa.table("project", sa.column("created", sa.DateTime))
    created = op.get_bind().execute(sa.select(project.c.created)).scalar()
    if rows:
        op.bulk_insert(calls, [row | {"time": row["time"] or created} for row in rows])
    op.drop_table("decisions")
    op.drop_table("measurements")
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(_KEEP.format(verb=verb))


def _events() -> _Told:
    events = sa.table(
        "events",
        *map(sa.column, ("number", "case", "who", "kind")),
        sa.column("time", sa.DateTime),
        sa.column("details", sa.JSON),
    )
    kinds = ("decided", "taken back", "measured")
    query = sa.select(events).where(events.c.kind.in_(kinds)).order_by(events.c.number)
    told: _Told = defaultdict(list)
    for event in op.get_bind().execute(query):
        told[event.kind, event.case, event.who].append(event)
    return told


def _decisions(told: _Told) -> list[dict[str, Any]]:
    """Every decision with its number, then what took one back; when and on which mask, the trail says."""
    names = ("number", "case", "who", "status", "revision", "taken_back")
    old = sa.table("decisions", *map(sa.column, names), sa.column("before", sa.JSON))
    found = op.get_bind().execute(sa.select(old).order_by(old.c.number)).all()
    rows, back = [], []
    for decision in found:
        event = _next(told, "decided", decision)
        details: Mapping[str, Any] = event.details if event is not None else {}
        value = {
            "status": decision.status,
            "reason": details.get("reason"),
            "before": decision.before,
            "made": decision.revision,
        }
        time = None if event is None else event.time
        seen = details.get("revision") or decision.revision
        rows.append(_row(decision.number, time, decision.case, decision.who, "decision", seen, value, None))
        if decision.taken_back:
            back.append(decision)
    for number, decision in enumerate(back, start=1 + max((row["number"] for row in rows), default=0)):
        event = _next(told, "taken back", decision)
        time = None if event is None else event.time
        taken = decision.number
        rows.append(_row(number, time, decision.case, decision.who, "decision", None, None, taken))
    return rows


def _measures(told: _Told, first: int) -> list[dict[str, Any]]:
    """One statement per case that has lengths, by whoever measured last."""
    names = ("case", "position", "kind", "length", "in_mm", "slice")
    old = sa.table("measurements", *map(sa.column, names), sa.column("points", sa.JSON))
    query = sa.select(old).order_by(old.c.case, old.c.position)
    lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in op.get_bind().execute(query):
        line = {"kind": row.kind, "points": row.points, "length": row.length}
        lines[row.case].append(line | {"in_mm": bool(row.in_mm), "slice": row.slice})
    rows = []
    for number, (case, found) in enumerate(lines.items(), start=first):
        events = [
            event
            for (kind, of, _), some in told.items()
            if kind == "measured" and of == case
            for event in some
        ]
        last = max(events, key=lambda event: event.number, default=None)
        who, time = ("", None) if last is None else (last.who, last.time)
        rows.append(_row(number, time, case, who, "measure", None, {"lines": found}, None))
    return rows


def _next(told: _Told, kind: str, decision: Any) -> Any | None:
    """The event of this kind on a decision's case by its author that was not asked for yet."""
    waiting = told.get((kind, decision.case, decision.who))
    return waiting.pop(0) if waiting else None


def _row(
    number: int,
    time: Any,
    case: str,
    who: str,
    kind: str,
    seen: str | None,
    value: dict[str, Any] | None,
    takes_back: int | None,
) -> dict[str, Any]:
    return {
        "number": number,
        "time": time,
        "case": case,
        "kind": kind,
        "author_kind": "person",
        "author_name": who,
        "author_version": "",
        "revision": seen,
        "value": value,
        "takes_back": takes_back,
    }
