"""Change the predicate of the unique index against duplicates without a gap.

The new index is built beside the old one under another name, and gets the name in one
transaction: at every moment one of the two refuses a second row.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy import exc

from app.db.index_definition import IndexDefinition, is_as_defined
from app.db.migration_ops import batches, identity, indexes, rehearsal
from app.db.migration_ops.plugin import (
    column_names,
    end_transaction,
    offline,
    operation,
    postgresql,
    stash_name,
    table_names,
)

INCOMING = "_incoming"
TABLE = "trigger_executions"
KEY = "idempotency_key"
BUILDS_AT_MOST = 5
"""Builds tried: a replay that arrives during one makes it fail; then its key is stashed too."""


@operation
def swap_unique_index(
    op: Operations, name: str, table: str, columns: list[str], *, where: str
) -> None:
    """Give the unique index this predicate, without a moment in which no index exists."""
    incoming = name + INCOMING
    if not postgresql(op):
        _ensure(op, name, table, columns, where)
        return
    definition = IndexDefinition(name, table, tuple(columns), unique=True, where=where)
    if not offline(op) and is_as_defined(op.get_bind(), definition):
        op.drop_index(incoming, table, if_exists=True)
        return
    _ensure(op, incoming, table, columns, where)
    op.drop_index(name, table, if_exists=True)
    op.execute(f"ALTER INDEX {incoming} RENAME TO {name}")
    end_transaction(op)


@operation
def take_back_replay_keys(
    op: Operations, revision: str, name: str, table: str, columns: list[str], *, where: str
) -> None:
    """Keep each key on one row only, under the index that does not except replays.

    That row is the first execution, or the oldest replay if no first execution has the key any
    more. The keys of the other replays are stashed.
    """
    if rehearsal.is_rehearsed(op):
        rehearsal.declare_writing(op, partial(stash_replay_keys, revision=revision))
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
    """Stash the key of every replay that shares it with a first execution or an older replay.

    The first execution may be newer than the replay: a key can expire and come again.
    """
    stash = stash_name(revision, "replay_keys")
    later = (
        f"replay_of_id IS NOT NULL AND {KEY} IS NOT NULL AND EXISTS (SELECT 1 FROM {TABLE} AS first"
        f" WHERE first.trigger_id = {TABLE}.trigger_id AND first.{KEY} = {TABLE}.{KEY}"
        f" AND (first.replay_of_id IS NULL OR first.id < {TABLE}.id))"
    )
    if not offline(op) and op.get_bind().execute(_any(later)).scalar() is None:
        return
    identifying = _create_stash(op, stash)
    columns = ", ".join(["id", KEY, *(identity.PREFIX + name for name in identifying)])
    op.execute(
        f"INSERT INTO {stash} ({columns}) SELECT id, {KEY}"
        f"{identity.selected(op, TABLE, identifying)} FROM {TABLE} WHERE {later} "
        "ON CONFLICT (id) DO NOTHING"
    )
    batches.run(
        op,
        stash,
        f"UPDATE {TABLE} SET {KEY} = NULL WHERE replay_of_id IS NOT NULL "
        f"AND id IN (SELECT id FROM {stash})",
        by=f"{TABLE}.id",
    )


def _create_stash(op: Operations, stash: str) -> list[str]:
    """Create the stash of replays' keys; return the columns that identify a row in it."""
    identifying = [] if offline(op) else identity.identifying(op, TABLE)
    if not identifying:
        kind = "BIGINT" if postgresql(op) else "INTEGER"
        op.execute(
            f"CREATE TABLE IF NOT EXISTS {stash} (id {kind} PRIMARY KEY, {KEY} VARCHAR(255))"
        )
        return []
    op.execute(
        f"CREATE TABLE IF NOT EXISTS {stash} AS SELECT id, {KEY}"
        f"{identity.selected(op, TABLE, identifying)} FROM {TABLE} WHERE 1 = 0"
    )
    op.execute(f"CREATE UNIQUE INDEX IF NOT EXISTS pk{stash} ON {stash} (id)")
    return identity.stashed(column_names(op.get_bind(), stash))


@operation
def restore_replay_keys(op: Operations, revision: str) -> None:
    """Give every replay the key of its chain again."""
    stash = stash_name(revision, "replay_keys")
    update = (
        f"UPDATE {TABLE} SET {KEY} = kept.{KEY} FROM {stash} AS kept "
        f"WHERE {TABLE}.replay_of_id IS NOT NULL AND "
    )
    if offline(op):
        op.execute(
            f"DO $$ BEGIN IF to_regclass('{stash}') IS NOT NULL THEN {update} "
            f"kept.id = {TABLE}.id; DROP TABLE {stash}; END IF; END $$"
        )
    elif stash in table_names(op.get_bind()):
        batches.run(op, stash, update + identity.stashed_row(op, TABLE, stash), by="kept.id")
        identity.drop_restored(op, TABLE, stash)


def _any(condition: str) -> Any:
    return sa.text(f"SELECT 1 FROM {TABLE} WHERE {condition} LIMIT 1")


def _ensure(op: Operations, name: str, table: str, columns: list[str], where: str) -> None:
    indexes.ensure_index(op, name, table, columns, unique=True, where=where)
