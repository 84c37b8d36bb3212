"""What Alembic runs: the migrations, on the connection that `database.py` opened and will commit."""

from __future__ import annotations

from alembic import context

from napari_unet.review.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
