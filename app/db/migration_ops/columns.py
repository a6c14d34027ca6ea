"""Add and drop columns without loss: a downgrade stashes their values, an upgrade restores them.

SQLite does this in the one transaction of the revision. On PostgreSQL a copy of a million values
must not hold a lock: a database trigger records every write while the values are copied in
batches, and only the removal of the columns, which takes a moment, locks the table.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError

from app.db.migration_ops import duplicates, found, identity
from app.db.migration_ops.plugin import (
    column_names,
    discarding,
    listed,
    offline,
    operation,
    postgresql,
    stash_name,
    table_names,
)

BATCH_ROWS = 20_000
"""Rows that one statement copies."""


@operation
def add_or_restore_columns(
    op: Operations, revision: str, table: str, *columns: sa.Column[object]
) -> None:
    """Add the columns, with the values they had when this revision was last downgraded."""
    add_columns(op, table, *columns)
    restore_columns(op, revision, table, [column.name for column in columns])


@operation
def add_columns(op: Operations, table: str, *columns: sa.Column[object]) -> None:
    """Add the columns that are missing; `restore_columns` restores their values."""
    if offline(op):
        for column in columns:
            op.add_column(table, column, if_not_exists=True)
        return
    existing = column_names(op.get_bind(), table)
    for column in columns:
        if column.name not in existing:
            op.add_column(table, column)


@operation
def restore_columns(op: Operations, revision: str, table: str, names: list[str]) -> None:
    """Restore the values that the columns had when this revision was last downgraded."""
    stash = stash_name(revision, table)
    if offline(op):
        op.execute(_restore_offline(stash, table, names))
    elif stash in table_names(op.get_bind()):
        if postgresql(op) and _capture_exists(op, stash, table):  # the columns were never dropped
            _stop_capture(op, stash, table)
            op.drop_table(stash)
            return
        duplicates.keep_first_before_restoring(op, revision, names)
        _restore(op, stash, table)
        identity.drop_restored(op, table, stash)


@operation
def stash_columns(
    op: Operations, revision: str, table: str, names: list[str], *, also: str = "false"
) -> None:
    """Drop the columns and the indexes on them; keep their values in the stash.

    Columns of an adopted table are left as they are. Rows with default values only are not
    stashed, except those for which the condition `also` is true. An empty stash is dropped.
    """
    stash = stash_name(revision, table)
    if offline(op):
        _stash_offline(op, stash, table, names)
        return
    names = [name for name in names if _is_ours(op, table, name)]
    if not names:
        return
    if not discarding(op):
        _copy(op, stash, table, names, also)
    if postgresql(op):
        op.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        _stop_capture(op, stash, table)
    _drop_columns(op, table, names)
    _drop_unneeded_stash(op, stash)


def _is_ours(op: Operations, table: str, name: str) -> bool:
    """Return True if the column exists and was created by a revision."""
    return name in column_names(op.get_bind(), table) and not found.has_column(op, table, name)


def _copy(op: Operations, stash: str, table: str, names: list[str], also: str) -> None:
    worth_keeping = f"{_differs_from_default(op, table, names)} OR {also}"
    identifying = identity.identifying(op, table, without=names)
    if not postgresql(op):
        if stash in table_names(op.get_bind()):
            raise CommandError(
                f"{stash} exists already; rename it, then run the same command again; "
                "nothing was changed"
            )
        op.execute(
            f"CREATE TABLE {stash} AS SELECT id, {listed(names)}"
            f"{identity.selected(op, table, identifying)} FROM {table} WHERE {worth_keeping}"
        )
        return
    _start_capture(op, stash, table, names, identifying)
    identifying = _also_in(op, stash, identifying)
    with _autocommit(op):
        for first, last in _id_ranges(op, table):
            op.execute(
                f"INSERT INTO {stash} SELECT id, {listed(names)}"
                f"{identity.selected(op, table, identifying)} FROM {table} "
                f"WHERE id BETWEEN {first} AND {last} AND ({worth_keeping}) ON CONFLICT DO NOTHING"
            )


def _restore(op: Operations, stash: str, table: str) -> None:
    columns = column_names(op.get_bind(), stash) - {"id"}
    names = sorted(name for name in columns if not name.startswith(identity.PREFIX))
    assignments = ", ".join(f"{name} = {_restored(op, table, name)}" for name in names)
    same = identity.same_row(op, table, stash)
    statement = f"UPDATE {table} SET {assignments} FROM {stash} AS kept WHERE {same}"
    if not postgresql(op):
        op.execute(statement)
        return
    with _autocommit(op):
        for first, last in _id_ranges(op, stash):
            op.execute(f"{statement} AND kept.id BETWEEN {first} AND {last}")


def _restored(op: Operations, table: str, name: str) -> str:
    """Return the value to restore: the older system's, if it added the column and filled it."""
    added_meanwhile = found.has_column(op, table, name)
    return f"COALESCE({table}.{name}, kept.{name})" if added_meanwhile else f"kept.{name}"


def _differs_from_default(op: Operations, table: str, names: list[str]) -> str:
    differs = "IS DISTINCT FROM" if postgresql(op) else "IS NOT"
    columns = sa.inspect(op.get_bind()).get_columns(table)
    defaults = {column["name"]: column["default"] or "NULL" for column in columns}
    return " OR ".join(f"{name} {differs} {defaults[name]}" for name in names)


def _start_capture(
    op: Operations, stash: str, table: str, names: list[str], identifying: list[str]
) -> None:
    """Create the stash and a database trigger that copies every further write into it."""
    if _capture_exists(op, stash, table):
        return
    with _autocommit(op):
        op.execute(
            f"CREATE TABLE IF NOT EXISTS {stash} AS "
            f"SELECT id, {listed(names)}{identity.selected(op, table, identifying)} "
            f"FROM {table} WITH NO DATA"
        )
        op.execute(f"CREATE UNIQUE INDEX IF NOT EXISTS pk{stash} ON {stash} (id)")
        identifying = _also_in(op, stash, identifying)
        new = [f"NEW.{name}" for name in ["id", *names]]
        values = ", ".join(new + identity.expressions(op, "NEW", identifying))
        changing = [*names, *(identity.PREFIX + name for name in identifying)]
        updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in changing)
        op.execute(
            f"CREATE OR REPLACE FUNCTION {stash}_capture() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN INSERT INTO {stash} VALUES ({values}) "
            f"ON CONFLICT (id) DO UPDATE SET {updates}; RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {stash}_capture AFTER INSERT OR UPDATE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {stash}_capture()"
        )


def _also_in(op: Operations, stash: str, identifying: list[str]) -> list[str]:
    """Leave out the identifying columns that the stash of an interrupted earlier release lacks."""
    kept = identity.stashed(column_names(op.get_bind(), stash))
    return [name for name in identifying if name in kept]


def _capture_exists(op: Operations, stash: str, table: str) -> bool:
    query = (
        f"SELECT count(*) FROM pg_trigger "
        f"WHERE tgname = '{stash}_capture' AND tgrelid = '{table}'::regclass"
    )
    return bool(op.get_bind().execute(sa.text(query)).scalar())


def _stop_capture(op: Operations, stash: str, table: str) -> None:
    op.execute(f"DROP TRIGGER IF EXISTS {stash}_capture ON {table}")
    op.execute(f"DROP FUNCTION IF EXISTS {stash}_capture()")


def _drop_columns(op: Operations, table: str, names: list[str]) -> None:
    for index in sa.inspect(op.get_bind()).get_indexes(table):
        if set(index["column_names"]) & set(names):
            op.drop_index(str(index["name"]), table)
    for name in names:
        op.drop_column(table, name)


def _drop_unneeded_stash(op: Operations, stash: str) -> None:
    if stash not in table_names(op.get_bind()):
        return
    empty = op.get_bind().execute(sa.text(f"SELECT 1 FROM {stash} LIMIT 1")).scalar() is None
    if empty or discarding(op):
        op.drop_table(stash)


def _id_ranges(op: Operations, table: str) -> Iterator[tuple[int, int]]:
    """Yield the first and last id of each batch of existing rows: gaps may be as wide as 2^63."""
    newest = op.get_bind().execute(sa.text(f"SELECT max(id) FROM {table}")).scalar()
    last = None
    while newest is not None and last != newest:
        after = "" if last is None else f"AND id > {last}"
        batch = (
            f"SELECT id FROM {table} WHERE id <= {newest} {after} ORDER BY id LIMIT {BATCH_ROWS}"
        )
        query = sa.text(f"SELECT min(id), max(id) FROM ({batch}) AS batch")
        first, last = op.get_bind().execute(query).one()
        if first is None:
            return
        yield first, last


def _autocommit(op: Operations) -> AbstractContextManager[None]:
    return op.get_context().autocommit_block() if postgresql(op) else nullcontext()


def _restore_offline(stash: str, table: str, names: list[str]) -> str:
    assignments = ", ".join(f"{name} = kept.{name}" for name in names)
    return (
        f"DO $$ BEGIN IF to_regclass('{stash}') IS NOT NULL THEN "
        f"UPDATE {table} SET {assignments} FROM {stash} AS kept WHERE kept.id = {table}.id; "
        f"DROP TABLE {stash}; END IF; END $$"
    )


def _stash_offline(op: Operations, stash: str, table: str, names: list[str]) -> None:
    found.refuse_record_offline(op)
    if not discarding(op):
        any_value = " OR ".join(f"{name} IS NOT NULL" for name in names)
        op.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        op.execute(
            f"CREATE TABLE {stash} AS SELECT id, {listed(names)} FROM {table} WHERE {any_value}"
        )
    for name in names:
        op.drop_column(table, name)


@operation
def complete_found_table(
    op: Operations, revision: str, table: str, columns: list[sa.Column[object]]
) -> None:
    """Add to an adopted table the columns that it lacks; they may hold NULL."""
    if offline(op) or not found.has_table(op, table):
        return
    missing = [c for c in columns if not found.has_column(op, table, c.name)]
    for column in missing:
        column.nullable = column.nullable or column.server_default is None
    if missing:
        add_or_restore_columns(op, f"{revision}_found", table, *missing)


@operation
def return_completed_table(
    op: Operations, revision: str, table: str, columns: list[sa.Column[object]]
) -> None:
    """Drop from an adopted table the columns that `complete_found_table` added."""
    if not offline(op) and found.has_table(op, table):
        stash_columns(op, f"{revision}_found", table, [column.name for column in columns])
