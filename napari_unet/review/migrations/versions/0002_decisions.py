"""Why a case stands where it stands, lines measured in images, and decisions that can be taken back.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    op.add_column("cases", sa.Column("why", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "measurements",
        sa.Column("case", sa.String(32), sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("points", sa.JSON, nullable=False),
        sa.Column("length", sa.Float, nullable=False),
        sa.Column("in_mm", sa.Boolean, nullable=False),
        sa.Column("slice", sa.Integer),
    )
    decisions = op.create_table(
        "decisions",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("case", sa.String(32), sa.ForeignKey("cases.id"), nullable=False, index=True),
        sa.Column("who", sa.String(200), nullable=False, index=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("revision", sa.String(50)),
        sa.Column("taken_back", sa.Boolean, nullable=False),
    )
    _fill(decisions)


def _fill(decisions: sa.Table) -> None:
    """Makes the decisions out of the audit trail, so that those of the first schema can be taken back too."""
    events = sa.table(
        "events", *map(sa.column, ("number", "case", "who", "kind")), sa.column("details", sa.JSON)
    )
    query = sa.select(events).where(events.c.kind == "decided").order_by(events.c.number)
    rows = [
        {
            "case": event.case,
            "who": event.who,
            "status": event.details["status"],
            "before": event.details["before"],
            "revision": None,
            "taken_back": False,
        }
        for event in op.get_bind().execute(query)
    ]
    if rows:
        op.bulk_insert(decisions, rows)
