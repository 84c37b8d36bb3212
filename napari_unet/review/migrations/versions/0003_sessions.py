"""Which session has a case open, beside the reviewer's name.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    op.add_column("cases", sa.Column("lease_session", sa.String(32), nullable=False, server_default=""))
    op.add_column("cases", sa.Column("lease_computer", sa.String(200), nullable=False, server_default=""))
    op.add_column("cases", sa.Column("lease_process", sa.Integer))
