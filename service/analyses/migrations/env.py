"""Alembic's entry point. The connection comes from :mod:`service.analyses.database`."""

from alembic import context

from service.analyses.rows import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
context.run_migrations()
