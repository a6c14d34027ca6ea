"""The unique index that keeps duplicates out changes its predicate without a moment of absence.

The new index is built beside the old one under a name of its own, and takes the name over in one
transaction: at every moment one of the two refuses a second row.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy import exc

from app.db.migration_ops import indexes
from app.db.migration_ops.plugin import offline, operation, postgresql, stash_name, table_names

INCOMING = "_incoming"
TABLE = "trigger_executions"
KEY = "idempotency_key"
BUILDS_AT_MOST = 5
"""Replays that arrive during a build make it fail; their keys are stashed, it begins again."""


@operation
def swap_unique_index(
    op: Operations, name: str, table: str, columns: list[str], *, where: str
) -> None:
    """The unique index of this name has this predicate, and never stood away."""
    incoming = name + INCOMING
    if not postgresql(op):
        _ensure(op, name, table, columns, where)
        return
    if not offline(op) and indexes.stands(
        op.get_bind(), name, table, columns, unique=True, where=where
    ):
        op.drop_index(incoming, table, if_exists=True)
        return
    _ensure(op, incoming, table, columns, where)
    op.drop_index(name, table, if_exists=True)
    op.execute(f"ALTER INDEX {incoming} RENAME TO {name}")
    with op.get_context().autocommit_block():
        pass  # the swap is a transaction of its own: locks are held no longer than it takes


@operation
def take_back_replay_keys(
    op: Operations, revision: str, name: str, table: str, columns: list[str], *, where: str
) -> None:
    """Each key stands once, on its oldest row, under the index that knows no replays.

    The keys of the replays wait in the stash.
    """
    stash_replay_keys(op, revision)
    for attempt in range(1, BUILDS_AT_MOST + 1):
        try:
            swap_unique_index(op, name, table, columns, where=where)
            return
        except (CommandError, exc.IntegrityError):
            if attempt == BUILDS_AT_MOST:
                raise
            stash_replay_keys(op, revision)


def stash_replay_keys(op: Operations, revision: str) -> None:
    """No replay carries a key that an older row carries; the stash has what they carried."""
    stash = stash_name(revision, "replay_keys")
    later = (
        f"replay_of_id IS NOT NULL AND {KEY} IS NOT NULL AND EXISTS (SELECT 1 FROM {TABLE} AS first"
        f" WHERE first.trigger_id = {TABLE}.trigger_id AND first.{KEY} = {TABLE}.{KEY}"
        f" AND first.id < {TABLE}.id)"
    )
    if not offline(op) and op.get_bind().execute(_any(later)).scalar() is None:
        return
    identity = "BIGINT" if postgresql(op) else "INTEGER"
    op.execute(
        f"CREATE TABLE IF NOT EXISTS {stash} (id {identity} PRIMARY KEY, {KEY} VARCHAR(255))"
    )
    op.execute(
        f"INSERT INTO {stash} (id, {KEY}) SELECT id, {KEY} FROM {TABLE} WHERE {later} "
        "ON CONFLICT (id) DO NOTHING"
    )
    op.execute(
        f"UPDATE {TABLE} SET {KEY} = NULL WHERE replay_of_id IS NOT NULL "
        f"AND id IN (SELECT id FROM {stash})"
    )


@operation
def restore_replay_keys(op: Operations, revision: str) -> None:
    """Every replay carries the key of its chain again."""
    stash = stash_name(revision, "replay_keys")
    update = (
        f"UPDATE {TABLE} SET {KEY} = kept.{KEY} FROM {stash} AS kept "
        f"WHERE kept.id = {TABLE}.id AND {TABLE}.replay_of_id IS NOT NULL"
    )
    if offline(op):
        op.execute(
            f"DO $$ BEGIN IF to_regclass('{stash}') IS NOT NULL THEN {update}; "
            f"DROP TABLE {stash}; END IF; END $$"
        )
    elif stash in table_names(op.get_bind()):
        op.execute(update)
        op.drop_table(stash)


def _any(condition: str) -> Any:
    return sa.text(f"SELECT 1 FROM {TABLE} WHERE {condition} LIMIT 1")


def _ensure(op: Operations, name: str, table: str, columns: list[str], where: str) -> None:
    indexes.ensure_index(op, name, table, columns, unique=True, where=where)
