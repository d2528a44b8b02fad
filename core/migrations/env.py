"""Alembic's entry: upgrades the connection that `Database.migrate` hands over."""

from alembic import context

from core.records.tables import Table

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Table.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
