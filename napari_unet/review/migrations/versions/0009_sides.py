"""Whether the labels of a mask tell right from left, also where it holds only one of them.

Revision ID: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision: str | None = "0008"


def upgrade() -> None:
    op.add_column("revisions", sa.Column("sides", sa.Boolean, nullable=False, server_default=sa.false()))
