"""Restore stash tables of columns: of an adopted base, and of releases that hid no columns.

Those releases copied values out of the table at each downgrade, on PostgreSQL beside a database
trigger that captured writes; an interrupted step of theirs may have left both.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import sqlalchemy as sa
from alembic.operations import Operations

from app.db.migration_ops import attachments, batches, duplicates, found, identity, rehearsal
from app.db.migration_ops.early_changes import Restoring
from app.db.migration_ops.plugin import column_names, postgresql, stash_name, table_names

_WIDER = """
    SELECT quote_ident(c.attname), format_type(kept.atttypid, kept.atttypmod), c.atttypmod - 4
    FROM pg_attribute AS c JOIN pg_attribute AS kept ON kept.attname = c.attname
    WHERE c.attrelid = to_regclass(:table) AND kept.attrelid = to_regclass(:stash)
    AND c.atttypid = 'varchar'::regtype AND c.atttypmod > 0
    AND kept.atttypid IN ('varchar'::regtype, 'text'::regtype)
    AND (kept.atttypmod = -1 OR kept.atttypmod > c.atttypmod)"""
"""Columns that may be too short: each with the type of its stashed values, and its own length."""


def restore(op: Operations, revision: str, table: str, names: list[str]) -> None:
    """Restore the columns of `table` from the revision's stash table, if there is one."""
    stash = stash_name(revision, table)
    drop_capture(op, revision, table)
    if stash in table_names(op.get_bind()):
        if rehearsal.is_rehearsed(op):
            rehearsal.declare_early_change(op, Restoring(revision, table))
        duplicates.keep_first_before_restoring(op, revision, names)
        _restore(op, stash, table)
        identity.drop_restored(op, table, stash)
    attachments.restore(op, revision, table)


def restore_offline(revision: str, table: str, names: list[str]) -> str:
    """Return the statement that does the same in a script for PostgreSQL."""
    stash = stash_name(revision, table)
    assignments = ", ".join(f"{name} = kept.{name}" for name in names)
    return (
        f"DO $$ BEGIN {_drop_capture_offline(stash, table)} "
        f"IF to_regclass('{stash}') IS NOT NULL THEN "
        f"UPDATE {table} SET {assignments} FROM {stash} AS kept WHERE kept.id = {table}.id; "
        f"DROP TABLE {stash}; END IF; END $$"
    )


def drop_capture(op: Operations, revision: str, table: str) -> None:
    """Drop the trigger of an interrupted downgrade, and its copy: the columns still exist."""
    stash = stash_name(revision, table)
    if not postgresql(op):
        return
    if _capture_exists(op, stash, table):
        op.execute(f"DROP TRIGGER {stash}_capture ON {table}")
        op.execute(f"DROP TABLE IF EXISTS {stash}")
    op.execute(f"DROP FUNCTION IF EXISTS {stash}_capture()")


def _capture_exists(op: Operations, stash: str, table: str) -> bool:
    query = (
        f"SELECT count(*) FROM pg_trigger "
        f"WHERE tgname = '{stash}_capture' AND tgrelid = to_regclass('{table}')"
    )
    return bool(op.get_bind().execute(sa.text(query)).scalar())


def _drop_capture_offline(stash: str, table: str) -> str:
    return (
        f"IF EXISTS (SELECT FROM pg_trigger WHERE tgname = '{stash}_capture' "
        f"AND tgrelid = to_regclass('{table}')) THEN DROP TRIGGER {stash}_capture ON {table}; "
        f"DROP TABLE IF EXISTS {stash}; END IF; DROP FUNCTION IF EXISTS {stash}_capture();"
    )


def _restore(op: Operations, stash: str, table: str) -> None:
    _let_columns_hold(op, stash, table)
    columns = column_names(op.get_bind(), stash) - {"id"}
    names = sorted(name for name in columns if not name.startswith(identity.PREFIX))
    assignments = ", ".join(f"{name} = {_restored(op, table, name)}" for name in names)
    restored = identity.stashed_row(op, table, stash)
    statement = f"UPDATE {table} SET {assignments} FROM {stash} AS kept WHERE {restored}"
    batches.run(op, stash, statement, by="kept.id")


def _let_columns_hold(op: Operations, stash: str, table: str) -> None:
    """Widen a column again, as its owner had, where it is too short for a stashed value.

    PostgreSQL rewrites no row for that.
    """
    if not postgresql(op):
        return
    connection = op.get_bind()
    wider = connection.execute(sa.text(_WIDER), {"stash": stash, "table": table}).all()
    for name, kind, length in wider:
        longer = f"SELECT EXISTS (SELECT FROM {stash} WHERE length({name}) > {length})"
        if connection.scalar(sa.text(longer)):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {name} TYPE {kind}")


def _restored(op: Operations, table: str, name: str) -> str:
    """Return the value to restore: the older system's, if it added the column and filled it."""
    added_meanwhile = found.has_column(op, table, name)
    return f"COALESCE({table}.{name}, kept.{name})" if added_meanwhile else f"kept.{name}"
