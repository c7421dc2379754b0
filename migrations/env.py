"""Runs migrations on the database of the application (`flask --app wsgi db upgrade`)."""

from alembic import context
from alembic.operations.ops import MigrationScript
from flask import current_app

extension = current_app.extensions["migrate"]


def leave_out_empty(_context, _revision, directives: list[MigrationScript]) -> None:
    """No file is written when the models and the schema are equal."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []


def run() -> None:
    options = {"process_revision_directives": leave_out_empty, **extension.configure_args}
    with extension.db.engine.connect() as connection:
        context.configure(connection=connection, target_metadata=extension.db.metadata, **options)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
