"""How an image looks, so that copies of it are known; what the checks say about each mask.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    op.add_column("cases", sa.Column("look", sa.String(64)))
    op.add_column("revisions", sa.Column("checks", sa.JSON))
