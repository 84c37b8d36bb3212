"""The first schema.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

_KEEP = (
    "CREATE TRIGGER events_no_{verb} BEFORE {verb} ON events BEGIN SELECT RAISE(ABORT, 'events stay'); END"
)


def upgrade() -> None:
    op.create_table(
        "project",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("protocol", sa.Text, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False, unique=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("path_key", sa.Text, nullable=False, unique=True),
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("patient_from", sa.String(10), nullable=False),
        sa.Column("view", sa.String(50), nullable=False),
        sa.Column("modality", sa.String(20), nullable=False),
        sa.Column("split", sa.String(50), nullable=False),
        sa.Column("shape", sa.JSON),
        sa.Column("spacing_mm", sa.JSON),
        sa.Column("columns_towards", sa.String(1)),
        sa.Column("file_state", sa.String(20), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("found", sa.JSON),
        sa.Column("status", sa.String(20), nullable=False, index=True),
        sa.Column("reason", sa.String(20)),
        sa.Column("reviewer", sa.String(200), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("priority", sa.Float, nullable=False),
        sa.Column("checks", sa.JSON),
        sa.Column("uncertainty", sa.Float),
        sa.Column("revision", sa.String(50)),
        sa.Column("added", sa.DateTime, nullable=False),
        sa.Column("decided", sa.DateTime),
        sa.Column("active_seconds", sa.Float, nullable=False),
        sa.Column("lease", sa.String(200), nullable=False),
        sa.Column("lease_renewed", sa.DateTime),
    )
    op.create_table(
        "revisions",
        sa.Column("id", sa.String(50), primary_key=True),
        sa.Column("case", sa.String(32), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("author_kind", sa.String(10), nullable=False),
        sa.Column("author_name", sa.String(200), nullable=False),
        sa.Column("author_version", sa.String(50), nullable=False),
        sa.Column("parent", sa.String(50), sa.ForeignKey("revisions.id")),
        sa.Column("time", sa.DateTime, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("labels_hash", sa.String(64), nullable=False),
        sa.Column("pixels", sa.Integer, nullable=False),
        sa.Column("dice", sa.Float),
        sa.Column("hd95", sa.Float),
        sa.Column("changed_pixels", sa.Integer),
        sa.Column("changed_mm2", sa.Float),
        sa.Column("note", sa.Text, nullable=False),
        sa.UniqueConstraint("case", "number", name="one_number_per_case"),
    )
    op.create_table(
        "maps",
        sa.Column("case", sa.String(32), sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("used", sa.Integer, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("time", sa.DateTime, nullable=False),
        sa.Column("case", sa.String(32), sa.ForeignKey("cases.id"), index=True),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(_KEEP.format(verb=verb))
