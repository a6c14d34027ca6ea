"""Stash and restore a whole table by renaming it: at once, whatever its size, without loss."""

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError

from app.db.migration_ops import bare_tables, found, grants, parents, preparation, rehearsal
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
        parents.keep_to(op, stash, name)
    elif name not in existing:
        op.create_table(name, *items, **kw)
        grants.share(op, name)


@operation
def stash_table(op: Operations, revision: str, name: str) -> None:
    """Move the table with all its rows into the stash; an adopted one stays where it is."""
    if offline(op):
        found.refuse_record_offline(op)
    elif found.has_table(op, name):
        return
    elif found.is_recorded(op) and _is_bare(op, name):
        # the owner's database is given back without a reference of ours; see `noting_removals`
        op.execute(f"DROP TABLE /* empty */ {name}")
        return
    children = _stashed_children(op, name) if discarding(op) and not offline(op) else []
    if discarding(op) and not any(preparation.is_large(op, each) for each in [name, *children]):
        for child in children:  # rows stashed by later revisions are of no use without this table
            op.drop_table(child)
        op.drop_table(name)
    else:
        stash = stash_name(revision, name)
        op.rename_table(name, stash)
        if not offline(op) and not discarding(op):
            parents.identify(op, stash, name)


def _is_bare(op: Operations, table: str) -> bool:
    """Return True if the table has nothing to keep; no writer can add a row until the commit."""
    if rehearsal.is_rehearsed(op):
        large = rehearsal.is_large(op, table)  # the copy of every table is empty
        return not large and bare_tables.is_bare(op.get_bind(), table)
    if postgresql(op):
        op.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    return bare_tables.is_bare(op.get_bind(), table)


def _stashed_children(op: Operations, name: str) -> list[str]:
    """Return the stash tables whose rows belong to rows of this table."""
    inspector = sa.inspect(op.get_bind())
    return [
        table
        for table in inspector.get_table_names()
        if table.startswith("_stash_")
        and name in {key["referred_table"] for key in inspector.get_foreign_keys(table)}
    ]


def _create_or_rename_offline(
    op: Operations, stash: str, name: str, items: tuple[Any, ...], kw: dict[str, Any]
) -> None:
    op.execute(f"ALTER TABLE IF EXISTS {stash} RENAME TO {name}")
    op.create_table(name, *items, if_not_exists=True, **kw)
    grants.share(op, name)
