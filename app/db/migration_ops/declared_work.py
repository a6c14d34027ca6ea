"""Do, before a step on SQLite, the work that its operations declared when it was rehearsed."""

import logging

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection

from app.db.migration_ops import gentle
from app.db.migration_ops.early_changes import EarlyChange
from app.db.migration_ops.rehearsal import Rehearsal
from app.log import event

log = logging.getLogger("hookonce.migrate")


def read(connection: Connection, migration: MigrationContext, rehearsed: Rehearsal) -> None:
    """Read without the lock what the step would read; it may refuse to be run."""
    op = _operations(connection, migration)
    for work in rehearsed.reads:
        with gentle.reading(connection):
            work(op)


def make(
    connection: Connection,
    migration: MigrationContext,
    rehearsed: Rehearsal,
    changes: list[EarlyChange],
) -> None:
    """Make these changes now, so that the step need not make them under the lock."""
    for change in changes:
        event(log, logging.INFO, "rows_changed_before_step", table=change.source)
        change.make(_operations(connection, migration), rehearsed)
    connection.commit()


def do(connection: Connection, migration: MigrationContext, rehearsed: Rehearsal) -> None:
    """Do what the operations declared: read without the lock, write in a transaction of its own."""
    read(connection, migration, rehearsed)
    op = _operations(connection, migration)
    for work in rehearsed.writes:
        with gentle.writing(connection):
            work(op)


def _operations(connection: Connection, migration: MigrationContext) -> Operations:
    return Operations(MigrationContext.configure(connection, opts=dict(migration.opts)))
