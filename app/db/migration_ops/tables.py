"""Stash and restore a whole table by renaming it: at once, whatever its size, without loss."""

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError

from app.db.migration_ops import found
from app.db.migration_ops.plugin import (
    discarding,
    offline,
    operation,
    postgresql,
    stash_name,
    table_names,
)


@operation
def create_or_restore_table(
    op: Operations, revision: str, name: str, *items: Any, **kw: Any
) -> None:
    """Restore the table from the stash; if there is none, keep an existing table or create it."""
    stash = stash_name(revision, name)
    if offline(op):
        _create_or_rename_offline(op, stash, name, items, kw)
        return
    existing = table_names(op.get_bind())
    if stash in existing and name in existing:
        raise CommandError(
            f"{stash} holds the rows of {name}, but a table {name} exists as well; "
            f"rename one of them, then run the same command again"
        )
    if stash in existing:
        op.rename_table(stash, name)
    elif name not in existing:
        op.create_table(name, *items, **kw)


@operation
def stash_table(op: Operations, revision: str, name: str) -> None:
    """Move the table with all its rows into the stash; an adopted one stays where it is."""
    if offline(op):
        found.refuse_record_offline(op)
    elif found.has_table(op, name):
        return
    elif found.is_recorded(op) and _is_empty(op, name):
        op.drop_table(name)  # the owner's database is given back without a reference of ours
        return
    if discarding(op):
        _drop_stashed_children(op, name)
        op.drop_table(name)
    else:
        op.rename_table(name, stash_name(revision, name))


def _is_empty(op: Operations, table: str) -> bool:
    """Return True if the table has no row; no writer can add one until the step is committed."""
    if postgresql(op):
        op.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    row = op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1"))  # noqa: S608, ours
    return row.scalar() is None


def _drop_stashed_children(op: Operations, name: str) -> None:
    """Drop rows stashed by later revisions that are of no use without this table."""
    if offline(op):
        return
    inspector = sa.inspect(op.get_bind())
    for table in inspector.get_table_names():
        parents = {key["referred_table"] for key in inspector.get_foreign_keys(table)}
        if table.startswith("_stash_") and name in parents:
            op.drop_table(table)


def _create_or_rename_offline(
    op: Operations, stash: str, name: str, items: tuple[Any, ...], kw: dict[str, Any]
) -> None:
    op.execute(f"ALTER TABLE IF EXISTS {stash} RENAME TO {name}")
    op.create_table(name, *items, if_not_exists=True, **kw)
