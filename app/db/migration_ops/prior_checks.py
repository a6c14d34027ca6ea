"""Look, before the first step, for objects of others at which a later one would stop.

Each step commits, so that a database would be left between two revisions. On SQLite the preparation
of each step finds them, but for triggers that would refuse rows after it.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from app.db.migration_ops import (
    broken_objects,
    dependents,
    discards,
    event_triggers,
    found,
    hiding,
    step_script,
    table_dependents,
    trial,
)
from app.db.migration_ops.plugin import column_names, discarding, postgresql, table_names
from app.db.migration_ops.step_script import StepScript
from app.db.models import metadata

_IS_REQUIRED = """
    SELECT attnotnull AND NOT atthasdef FROM pg_attribute
    WHERE attrelid = to_regclass(:table) AND attname = :name"""
_HAS_TRIGGERS = {
    "postgresql": """
    SELECT coalesce(bool_and(NOT starts_with(tgname, '_stash_')), false) FROM pg_trigger
    WHERE tgrelid IN (to_regclass('triggers'), to_regclass('trigger_executions'))
    AND NOT tgisinternal AND tgenabled <> 'D' AND NOT starts_with(tgname, 'hookonce_')""",
    "sqlite": """
    SELECT EXISTS (SELECT 1 FROM sqlite_master
        WHERE type = 'trigger' AND tbl_name IN ('triggers', 'trigger_executions')
        AND substr(name, 1, 10) <> '_hookonce_')""",
}
"""Tells whether the tables have triggers of somebody else.

Beside a trigger that a step of an earlier release left, nothing is tried: it refuses rows until the
next step removes it.
"""


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
        *_dropped_columns(op, script, steps[-1]),
    ]
    if not sentences:  # an event trigger would refuse the trial
        sentences += _refused_rows(op, script, steps[0])
    migration.connection.rollback()
    _refuse(sentences)


def require_rows(migration: MigrationContext, steps: list[Any]) -> None:
    """Raise CommandError if a trigger in a SQLite file would refuse rows after the upgrade."""
    assert migration.connection is not None  # noqa: S101, for the type checker: not offline
    is_upgrade = isinstance(steps[0], RevisionStep) and steps[0].is_upgrade
    if is_upgrade and migration.connection.scalar(sa.text(_HAS_TRIGGERS["sqlite"])):
        with broken_objects.set_aside(migration.connection):
            op, script = Operations(migration), step_script.of(migration, steps)
            sentences = list(_refused_rows(op, script, steps[0]))
        migration.connection.rollback()
        _refuse(sentences)


def _refuse(sentences: list[str]) -> None:
    if sentences:
        raise CommandError(
            "objects that are not Hookonce's would stop the migration; nothing was changed.\n"
            + "\n".join(f"  {sentence}" for sentence in sentences)
            + "\nThen run the same command again."
        )


def _stored_rows(connection: Connection, script: StepScript) -> Iterator[str]:
    added = _really_added(connection, script.added_with_default)
    for table in sorted({each for each, _ in added}):
        if remedies := table_dependents.before_default(connection, table):
            yield (
                f"another table stores rows of {table}, which then gets no column with a default: "
                f"run `{' '.join(remedies)}`"
            )


def _really_added(
    connection: Connection, columns: set[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yield each column that an existing table has neither shown nor hidden."""
    for table, column in columns:
        existing = column_names(connection, table)
        if existing and column not in existing and not hiding.find(connection, table, column):
            yield table, column


def _dropped_tables(op: Operations, script: StepScript, oldest: str) -> Iterator[str]:
    """Yield a sentence for each table that is dropped; one that is renamed keeps its objects."""
    dropped, existing = _dropped(op, script), table_names(op.get_bind())
    if discarding(op):
        prefixes, _spared = discards.prefixes_from(oldest)
        dropped |= {name for name in existing if name.startswith(prefixes)}
    for table in sorted(dropped & existing):
        if remedies := table_dependents.before_drop(op.get_bind(), table):
            yield (
                f"objects that are not Hookonce's use the table {table}, which is to be dropped: "
                f"run `{' '.join(remedies)}`"
            )


def _dropped(op: Operations, script: StepScript) -> set[str]:
    """Return the tables that the steps drop: the script knows of none that an owner gets back."""
    return script.dropped_tables - set(found.tables(op))


def _dropped_columns(op: Operations, script: StepScript, last: RevisionStep) -> Iterator[str]:
    """Yield a sentence for each table that loses columns for good, whether hidden now or not."""
    for table, columns in sorted(_leaving(op, script, last).items()):
        names = list(_standing(op, table, columns))
        if remedies := dependents.remedies(op.get_bind(), table, names):
            yield (
                f"objects that are not Hookonce's use columns of {table} that are to be removed: "
                f"run `{' '.join(remedies)}`"
            )


def _leaving(op: Operations, script: StepScript, last: RevisionStep) -> dict[str, set[str]]:
    """Return the columns of each table that stays, by the names that revisions give them."""
    leaving: defaultdict[str, set[str]] = defaultdict(set)
    for table, column in script.dropped_columns:
        leaving[table].add(column)
    if not last.is_upgrade and last.revision.down_revision is None:
        for table in found.tables(op):
            leaving[table] |= set(metadata.tables[table].columns.keys())
    if discarding(op):
        prefixes, _spared = discards.prefixes_from(last.revision.revision)
        for table in table_names(op.get_bind()) & metadata.tables.keys():
            hidden = hiding.hidden_columns(op.get_bind(), table)
            leaving[table] |= {each.column for each in hidden if each.name.startswith(prefixes)}
    return {table: leaving[table] for table in leaving.keys() - _dropped(op, script)}


def _standing(op: Operations, table: str, columns: set[str]) -> Iterator[str]:
    """Yield the columns of ours that the table has, by the names that they have now."""
    existing = column_names(op.get_bind(), table)
    yield from (name for name in columns & existing if not found.has_column(op, table, name))
    hidden = hiding.hidden_columns(op.get_bind(), table)
    yield from (each.name for each in hidden if each.column in columns)


def _refused_rows(op: Operations, script: StepScript, first: RevisionStep) -> Iterator[str]:
    """Yield a sentence for each object at which no row could be written any more.

    A trigger's function may need a column that older code does not know, or as many columns as
    there are now. Tables that are being taken over have a trial of their own.
    """
    if first.is_upgrade and first.revision.down_revision is None:
        return
    connection = op.get_bind()
    # SQLite changes the names in triggers with those of the columns
    gone = _unknown_to_older_code(op, script) if postgresql(op) else []
    for table, name in gone:
        if connection.scalar(sa.text(_IS_REQUIRED), {"table": table, "name": name}):
            yield (
                f"{table}.{name} is NOT NULL, and older code leaves it empty: "
                f"run `ALTER TABLE {table} ALTER COLUMN {name} DROP NOT NULL;`"
            )
    changes = [f"ALTER TABLE {t} RENAME COLUMN {c} TO {trial.ADDED}_{c}" for t, c in gone]
    added = _really_added(connection, script.added_columns)
    if {table for table, _ in added} & {trial.TRIGGERS, trial.EXECUTIONS}:
        changes += trial.MORE_COLUMNS
    if changes and connection.scalar(sa.text(_HAS_TRIGGERS[connection.dialect.name])):
        fresh = ["DISCARD PLANS"] if postgresql(op) else []  # functions keep plans, too
        before, after = trial.faults(connection), trial.faults(connection, [*fresh, *changes])
        yield from (str(each) for each in after if each not in before)


def _unknown_to_older_code(op: Operations, script: StepScript) -> list[tuple[str, str]]:
    """Return the columns, each with its table, that a downgrade hides or drops."""
    return [
        (table, name)
        for table, name in sorted(script.hidden_columns | script.dropped_columns)
        if table in (trial.TRIGGERS, trial.EXECUTIONS)
        and name in column_names(op.get_bind(), table)
        and not found.has_column(op, table, name)
    ]
