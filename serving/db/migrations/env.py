"""Run by Alembic. The connection comes from `serving.db.migrate`, which owns the transaction."""

from __future__ import annotations

from alembic import context

from serving.db.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    render_as_batch=True,  # SQLite alters a table by copying it
    user_module_prefix="tables.",
)
context.run_migrations()
