"""Hide a column by renaming it, and show it again: a moment, whatever the size of the table.

The values stay in their rows, so none can come to belong to another row. Rows written meanwhile
have the column's default. Indexes, views, triggers and grants on the column follow the new name.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import re
from functools import partial

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from app.db.hidden_columns import Hidden, hidden_columns
from app.db.migration_ops import batches, rehearsal
from app.db.migration_ops.early_changes import Filling
from app.db.migration_ops.plugin import column_names, postgresql, stash_name, table_names

__all__ = ["Hidden", "hidden_columns"]


def find(connection: Connection, table: str, column: str) -> Hidden | None:
    """Return the hidden column that was called `column`; None if there is none."""
    hidden = hidden_columns(connection, table)
    return next((each for each in hidden if each.column == column), None)


def hide(op: Operations, revision: str, table: str, names: list[str]) -> None:
    """Rename each column to its hidden name."""
    existing = column_names(op.get_bind(), table)
    for name in names:
        hidden = stash_name(revision, name)
        if hidden in existing:
            raise CommandError(
                f"{table} has a column {hidden} beside {name} already; rename one of them, then "
                "run the same command again; nothing was changed"
            )
        op.execute(rename(table, name, hidden))


def show(op: Operations, table: str, name: str) -> bool:
    """Give the column its name again; return False if it is not hidden.

    On PostgreSQL a stash table of its revision is then the incomplete copy of an interrupted
    removal; on SQLite it has the values that an interrupted upgrade has not restored yet.
    """
    hidden = find(op.get_bind(), table, name)
    if hidden is None:
        return False
    if name in column_names(op.get_bind(), table):
        _merge(op, table, hidden)
    else:
        op.execute(rename(table, hidden.name, name))
    copy = stash_name(hidden.revision, table)
    if postgresql(op) and copy in table_names(op.get_bind()):
        op.drop_table(copy)
    return True


def show_offline(table: str, name: str) -> str:
    """Return the statement that does the same in a script for PostgreSQL."""
    return (
        "DO $$ DECLARE hidden name; BEGIN SELECT attname INTO hidden FROM pg_attribute "
        f"WHERE attrelid = to_regclass('{table}') AND NOT attisdropped "
        f"AND attname ~ '^_stash_[0-9]{{4}}_{name}$'; IF hidden IS NOT NULL THEN "
        f"EXECUTE 'ALTER TABLE {table} RENAME COLUMN ' || quote_ident(hidden) || ' TO {name}'; "
        "END IF; END $$"
    )


def rename(table: str, name: str, to: str) -> str:
    """Return the statement that renames a column."""
    return f"ALTER TABLE {table} RENAME COLUMN {name} TO {to}"


def _merge(op: Operations, table: str, hidden: Hidden) -> None:
    """Fill a column that the older system added anew with the hidden values; drop the hidden one.

    Raises CommandError if a row has two different values.
    """
    if rehearsal.is_rehearsed(op):
        rehearsal.declare_reading(op, partial(_require_one_value, table=table, hidden=hidden))
    if rehearsal.prepared(op) is None:
        _require_one_value(op, table, hidden)
    filling = Filling(table, hidden.column, hidden.name)
    if rehearsal.is_rehearsed(op):
        rehearsal.declare_early_change(op, filling)
        rehearsal.declare_removal(op)
    batches.run(op, table, filling.statement())
    drop_columns(op, table, [hidden.name])


def _require_one_value(op: Operations, table: str, hidden: Hidden) -> None:
    name, kept = hidden.column, hidden.name
    both = f"{name} IS NOT NULL AND {kept} IS NOT NULL AND {name} <> {kept}"
    count = op.get_bind().scalar(sa.text(f"SELECT count(*) FROM {table} WHERE {both}"))
    if count:
        raise CommandError(
            f"{count} row(s) of {table} have one value in {name} and another in {kept}, where a "
            "downgrade keeps it; rename one of the columns, then run the same command again"
        )


def drop_columns(op: Operations, table: str, names: list[str]) -> None:
    """Drop those of the columns that exist, and the indexes on them."""
    existing = column_names(op.get_bind(), table) if names else set()
    names = [name for name in names if name in existing]
    if not names:
        return
    for name in indexes_on(op.get_bind(), table, names):
        op.drop_index(name, table)
    for name in names:
        op.drop_column(table, name)


def indexes_on(connection: Connection, table: str, names: list[str]) -> list[str]:
    """Return the indexes whose columns, expressions or condition use one of the columns."""
    if connection.dialect.name == "postgresql":
        return []  # PostgreSQL drops them with the column
    query = (
        "SELECT name, sql FROM sqlite_master "
        "WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = :table"
    )
    used = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b")
    indexes = connection.execute(sa.text(query), {"table": table})
    return [row.name for row in indexes if used.search(row.sql.partition("(")[2])]
