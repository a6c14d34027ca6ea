"""Look, before the first step on PostgreSQL, for objects of others at which a later one would stop.

Each step commits, so that a database would be left between two revisions.
"""

from collections.abc import Iterator
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from app.db.migration_ops import (
    discards,
    event_triggers,
    hiding,
    step_script,
    table_dependents,
)
from app.db.migration_ops.plugin import column_names, discarding, table_names
from app.db.migration_ops.step_script import StepScript


def require_free(migration: MigrationContext, steps: list[Any]) -> None:
    """Raise CommandError if an object of somebody else would stop one of the steps."""
    assert migration.connection is not None  # noqa: S101, for the type checker: not offline
    if not isinstance(steps[-1], RevisionStep):
        return  # `stamp` changes no table
    op, script = Operations(migration), step_script.of(migration, steps)
    sentences = [
        *event_triggers.refusing(migration.connection),
        *_stored_rows(migration.connection, script),
        *_dropped_tables(op, script, steps[-1].revision.revision),
    ]
    migration.connection.rollback()
    if sentences:
        raise CommandError(
            "objects that are not Hookonce's would stop the migration; nothing was changed.\n"
            + "\n".join(f"  {sentence}" for sentence in sentences)
            + "\nThen run the same command again."
        )


def _stored_rows(connection: Connection, script: StepScript) -> Iterator[str]:
    for table in sorted({each for each, _ in _really_added(connection, script)}):
        if remedies := table_dependents.before_default(connection, table):
            yield (
                f"another table stores rows of {table}, which then gets no column with a default: "
                f"run `{' '.join(remedies)}`"
            )


def _really_added(connection: Connection, script: StepScript) -> Iterator[tuple[str, str]]:
    """Yield each column that an existing table has neither shown nor hidden."""
    for table, column in script.added_with_default:
        existing = column_names(connection, table)
        if existing and column not in existing and not hiding.find(connection, table, column):
            yield table, column


def _dropped_tables(op: Operations, script: StepScript, oldest: str) -> Iterator[str]:
    """Yield a sentence for each table that is dropped; one that is renamed keeps its objects."""
    dropped, existing = set(script.dropped_tables), table_names(op.get_bind())
    if discarding(op):
        prefixes, _spared = discards.prefixes_from(oldest)
        dropped |= {name for name in existing if name.startswith(prefixes)}
    for table in sorted(dropped & existing):
        if remedies := table_dependents.before_drop(op.get_bind(), table):
            yield (
                f"objects that are not Hookonce's use the table {table}, which is to be dropped: "
                f"run `{' '.join(remedies)}`"
            )
