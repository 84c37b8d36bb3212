"""What the numbers in a project's masks mean; in projects of before they are those of lungs.

Revision ID: 0006
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"

_LUNGS = {
    "name": "lungs",
    "labels": [{"value": 1, "name": "lung", "side": "", "code": "39607008"}],
    "not_sure": True,
}


def upgrade() -> None:
    lungs = json.dumps(_LUNGS)
    op.add_column("project", sa.Column("labels", sa.JSON, nullable=False, server_default=lungs))
