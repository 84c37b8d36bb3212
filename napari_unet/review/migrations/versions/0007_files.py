"""The files of each case in a table of their own: a case may be a series.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    files = op.create_table(
        "files",
        sa.Column("case", sa.String(32), sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("path_key", sa.Text, nullable=False, unique=True),
    )
    cases = sa.table("cases", *map(sa.column, ("id", "path", "path_key")))
    there = sa.select(cases.c.id, sa.literal(0), cases.c.path, cases.c.path_key)
    op.execute(sa.insert(files).from_select(["case", "position", "path", "path_key"], there))
    with op.batch_alter_table("cases") as batch:  # SQLite makes the table again, see Database.migrate
        batch.drop_column("path_key")
        batch.drop_column("path")
