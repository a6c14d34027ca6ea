"""Stash and restore a whole table by renaming it: at once, whatever its size, without loss."""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError

from app.db.migration_ops import found, identity, preparation
from app.db.migration_ops.plugin import (
    discarding,
    offline,
    operation,
    postgresql,
    stash_name,
    table_names,
)

PARENTS = "_parents"
"""Suffix of the table that identifies the rows to which the rows of a stashed table belong."""
_WITHOUT_FOREIGN_KEY = {"delivery_counts": ("trigger_id", "triggers")}


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
        if stash + PARENTS in existing:
            _keep_to_parents(op, stash, name)
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
        # the owner's database is given back without a reference of ours; see `noting_removals`
        op.execute(f"DROP TABLE /* empty */ {name}")
        return
    if discarding(op) and not preparation.is_large(op, name):
        _drop_stashed_children(op, name)
        op.drop_table(name)
    else:
        stash = stash_name(revision, name)
        op.rename_table(name, stash)
        if not offline(op) and not discarding(op):
            _identify_parents(op, stash, name)


def _parent(op: Operations, stash: str, name: str) -> tuple[str, str] | None:
    """Return the column that names the parent of a row, and the parent's table; None if neither.

    PostgreSQL always deletes the rows of a deleted parent by the foreign key, also in a stash.
    SQLite does so only for connections that ask for it, and those of the older system do not.
    """
    if not postgresql(op):
        for key in sa.inspect(op.get_bind()).get_foreign_keys(stash):
            return key["constrained_columns"][0], key["referred_table"]
    return _WITHOUT_FOREIGN_KEY.get(name)


def _identify_parents(op: Operations, stash: str, name: str) -> None:
    """Note which rows are the parents, in an adopted database, where their ids can come again."""
    column, parent = _parent(op, stash, name) or ("", "")
    identifying = identity.identifying(op, parent)
    if identifying:
        op.execute(
            f"CREATE TABLE {stash}{PARENTS} AS "
            f"SELECT id{identity.selected(op, parent, identifying)} FROM {parent} "
            f"WHERE id IN (SELECT {column} FROM {stash})"
        )


def _keep_to_parents(op: Operations, stash: str, name: str) -> None:
    """Move rows out of the restored table if their parent was deleted or replaced meanwhile."""
    column, parent = _parent(op, name, name) or ("", "")
    noted = stash + PARENTS
    same = identity.same_row(op, parent, noted, row="parent", kept="noted")
    of_same = f"SELECT noted.id FROM {noted} AS noted JOIN {parent} AS parent ON {same}"
    lost = f"{column} NOT IN ({of_same})"
    if name in _WITHOUT_FOREIGN_KEY:  # rows without a parent then and now are nobody else's
        lost += f" AND {column} IN (SELECT id FROM {noted} UNION SELECT id FROM {parent})"
    identity.keep_unmatched(op, name, lost, stash)
    op.execute(f"DELETE FROM {name} WHERE {lost}")
    op.drop_table(noted)


def _is_empty(op: Operations, table: str) -> bool:
    """Return True if the table has no row; no writer can add one until the step is committed."""
    if postgresql(op):
        op.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    row = op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1"))
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
