"""Move the values of hidden columns out of an adopted table, which its owner gets back as it was.

No running code writes a hidden column, so the values can be copied beside the traffic. Rows may be
deleted and their ids be given again before the next upgrade: each value keeps what identifies its
row.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

from itertools import groupby
from threading import Event

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from app.db.migration_ops import (
    attachments,
    batches,
    dependents,
    hiding,
    holding,
    identity,
    preparation,
    rehearsal,
    sqlite_catalog,
)
from app.db.migration_ops.early_changes import Restoring
from app.db.migration_ops.hiding import Hidden
from app.db.migration_ops.plugin import (
    column_names,
    discarding,
    listed,
    postgresql,
    stash_name,
    table_names,
)
from app.db.migration_ops.rehearsal import StashCopy

_ALSO_KEPT = {"trigger_executions": "status IN ('pending', 'running', 'retrying')"}
"""Rows whose default values are kept too: an upgrade holds unfinished executions that have none."""


def remove(op: Operations, table: str, columns: list[Hidden]) -> None:
    """Copy the values of the hidden columns into a stash table for each revision; drop them."""
    if not discarding(op):
        for revision, group in groupby(columns, key=lambda each: each.revision):
            hidden = list(group)
            _restore_rest(op, revision, table, hidden)
            _copy(op, revision, table, hidden)
    drop(op, table, columns)


def drop(op: Operations, table: str, columns: list[Hidden]) -> None:
    """Drop the hidden columns and their values; objects that others attached to them come back."""
    attachments.keep(op, table, columns)
    if rehearsal.is_rehearsed(op):
        rehearsal.declare_removal(op)
    hiding.drop_columns(op, table, [each.name for each in columns])


def drop_beside_writers(
    migration: MigrationContext, table: str, columns: list[Hidden], stop: Event | None = None
) -> None:
    """Do the same beside the writers of a large table of SQLite, in a transaction of its own."""

    def change() -> None:
        drop(Operations(alembic_op.get_context()), table, columns)

    preparation.beside_writers(migration, change, stop)


def require_unused(op: Operations, table: str, names: list[str]) -> None:
    """Raise CommandError if an object of somebody else stops the removal of the columns."""
    statements = dependents.remedies(op.get_bind(), table, names)
    if statements:
        raise CommandError(dependents.refusal(table, statements))


def _restore_rest(op: Operations, revision: str, table: str, columns: list[Hidden]) -> None:
    """Restore what an interrupted upgrade on SQLite left in a stash beside the hidden columns."""
    stash = stash_name(revision, table)
    if postgresql(op) or stash not in table_names(op.get_bind()):
        return
    kept = column_names(op.get_bind(), stash)
    if not {each.column for each in columns} <= kept:
        return
    if rehearsal.is_rehearsed(op):
        rehearsal.declare_early_change(op, Restoring(revision, table))
    holding.hold_others(op, table, stash, {each.column: each.name for each in columns})
    assignments = ", ".join(f"{each.name} = kept.{each.column}" for each in columns)
    restored = identity.stashed_row(op, table, stash)
    op.execute(f"UPDATE {table} SET {assignments} FROM {stash} AS kept WHERE {restored}")
    identity.drop_restored(op, table, stash)


def _copy(op: Operations, revision: str, table: str, columns: list[Hidden]) -> None:
    """Copy the values that differ from their defaults; an empty stash is dropped."""
    stash = stash_name(revision, table)
    _create(op, stash, table, columns)
    kept = identity.stashed(column_names(op.get_bind(), stash))
    names = listed(["id", *(each.column for each in columns)])
    names += "".join(f", {identity.PREFIX}{name}" for name in kept)
    if rehearsal.is_rehearsed(op):
        selection, worth = _selection(op, table, columns, kept), _worth_keeping(op, table, columns)
        definition = "(" + sqlite_catalog.table_sql(op.get_bind(), stash).partition("(")[2]
        rehearsal.declare_removal(op, StashCopy(table, stash, definition, names, selection, worth))
        op.drop_table(stash)
        return
    batches.run(
        op,
        table,
        f"INSERT INTO {stash} ({names}) {_selection(op, table, columns, kept)} "
        f"WHERE ({_worth_keeping(op, table, columns)})",
        end=" ON CONFLICT DO NOTHING" if postgresql(op) else "",
    )
    if op.get_bind().execute(sa.text(f"SELECT 1 FROM {stash} LIMIT 1")).scalar() is None:
        op.drop_table(stash)


def _create(op: Operations, stash: str, table: str, columns: list[Hidden]) -> None:
    """Create the stash; on PostgreSQL an interrupted step may have left it with some rows."""
    if stash in table_names(op.get_bind()) and not postgresql(op):
        raise CommandError(
            f"{stash} exists already; rename it, then run the same command again; "
            "nothing was changed"
        )
    identifying = identity.identifying(op, table)
    selection = _selection(op, table, columns, identifying)
    op.execute(f"CREATE TABLE IF NOT EXISTS {stash} AS {selection} WHERE 1 = 0")
    if postgresql(op):
        op.execute(f"CREATE UNIQUE INDEX IF NOT EXISTS pk{stash} ON {stash} (id)")


def _selection(op: Operations, table: str, columns: list[Hidden], identifying: list[str]) -> str:
    shown = listed(["id", *(f"{each.name} AS {each.column}" for each in columns)])
    return f"SELECT {shown}{identity.selected(op, table, identifying)} FROM {table}"


def _worth_keeping(op: Operations, table: str, columns: list[Hidden]) -> str:
    differs = "IS DISTINCT FROM" if postgresql(op) else "IS NOT"
    existing = sa.inspect(op.get_bind()).get_columns(table)
    defaults = {column["name"]: column["default"] or "NULL" for column in existing}
    conditions = [f"{each.name} {differs} {defaults[each.name]}" for each in columns]
    return " OR ".join([*conditions, *([_ALSO_KEPT[table]] if table in _ALSO_KEPT else [])])
