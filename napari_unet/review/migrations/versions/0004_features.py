"""What a model's network makes of each image, so that cases can be compared.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    op.create_table(
        "features",
        sa.Column("case", sa.String(32), sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("version", sa.String(50), nullable=False),
        sa.Column("numbers", sa.LargeBinary, nullable=False),
    )
