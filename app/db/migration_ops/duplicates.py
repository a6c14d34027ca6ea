"""Find rows that the unique index would refuse, before anything is changed."""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from app.db.migration_ops.plugin import column_names, offline, operation, stash_name, table_names

KEY = "idempotency_key"
TABLE = "trigger_executions"
LISTED_AT_MOST = 10
"""Keys that the error lists, and executions of each."""

INDEXED = f"{KEY} IS NOT NULL"
"""Predicate of the unique index as its revision builds it; that of later ones excepts replays."""


def _later_rows(indexed: str) -> str:
    return f"""
    SELECT id, {KEY} FROM (
        SELECT id, {KEY}, row_number() OVER (PARTITION BY trigger_id, {KEY} ORDER BY id) AS place
        FROM {TABLE} WHERE {indexed} AND trigger_id IS NOT NULL
    ) AS placed WHERE place > 1"""


def _shared(indexed: str) -> str:
    return f"""
    SELECT trigger_id, {KEY}, count(*) AS times FROM {TABLE}
    WHERE {indexed} AND trigger_id IS NOT NULL
    GROUP BY trigger_id, {KEY} HAVING count(*) > 1"""


@operation
def refuse_duplicate_keys(op: Operations, indexed: str = INDEXED) -> None:
    """Stop the upgrade before any change if two executions of a trigger share a key."""
    if offline(op) or not {"id", "trigger_id", KEY} <= column_names(op.get_bind(), TABLE):
        return
    if _keeping_first(op):
        return
    count = _shared_count(op.get_bind(), indexed)
    if count:
        raise CommandError(_refusal(count, _list_keys(op.get_bind(), indexed)))


@operation
def stash_duplicate_keys(op: Operations, revision: str, indexed: str = INDEXED) -> None:
    """With `-x dedupe=keep-first`, keep each key on its first row and stash the others."""
    if offline(op) or not _keeping_first(op) or not _shared_count(op.get_bind(), indexed):
        return
    stash = stash_name(revision, "duplicate_keys")
    if stash in table_names(op.get_bind()):  # rows added since a build that failed or was killed
        op.execute(f"INSERT INTO {stash} {_later_rows(indexed)}")
    else:
        op.execute(f"CREATE TABLE {stash} AS {_later_rows(indexed)}")
    op.execute(f"UPDATE {TABLE} SET {KEY} = NULL WHERE id IN (SELECT id FROM {stash})")


@operation
def restore_duplicate_keys(op: Operations, revision: str) -> None:
    """Give every row the key that it had before the upgrade."""
    stash = stash_name(revision, "duplicate_keys")
    if offline(op) or stash not in table_names(op.get_bind()):
        return
    if KEY in column_names(op.get_bind(), TABLE):
        op.execute(
            f"UPDATE {TABLE} SET {KEY} = kept.{KEY} FROM {stash} AS kept WHERE kept.id = {TABLE}.id"
        )
        op.drop_table(stash)


def _keeping_first(op: Operations) -> bool:
    choice = op.get_context().opts.get("x", {}).get("dedupe")
    if choice not in (None, "keep-first"):
        raise CommandError(f"-x dedupe={choice} is unknown; the only value is keep-first")
    return choice is not None


def _shared_count(connection: Connection, indexed: str) -> int:
    """Count the keys that more than one execution of a trigger has."""
    query = f"SELECT count(*) FROM ({_shared(indexed)}) AS shared"
    return int(connection.scalar(sa.text(query)) or 0)


def _list_keys(connection: Connection, indexed: str) -> list[str]:
    """Return a line for each of the first such keys; each costs a query, maybe without index."""
    first = sa.text(f"{_shared(indexed)} ORDER BY min(id) LIMIT {LISTED_AT_MOST}")
    keys = connection.execute(first).all()
    return [_line(connection, indexed, *key) for key in keys]


def _line(connection: Connection, indexed: str, trigger: int, key: str, times: int) -> str:
    query = f"SELECT id FROM {TABLE} WHERE trigger_id = :t AND {KEY} = :k AND {indexed} ORDER BY id"
    ids = sa.text(f"{query} LIMIT {LISTED_AT_MOST}")
    listed = ", ".join(map(str, connection.scalars(ids, {"t": trigger, "k": key})))
    more = f" and {times - LISTED_AT_MOST} more" if times > LISTED_AT_MOST else ""
    return f"  trigger {trigger}, key {key!r}: executions {listed}{more}"


def _refusal(count: int, lines: list[str]) -> str:
    more = ["  ..."] if count > len(lines) else []
    keys = "idempotency keys are" if count > 1 else "idempotency key is"
    first = (
        f"{count} {keys} used more than once, so uq_trigger_idem cannot be built; "
        "nothing was changed."
    )
    last = (
        "To keep each key on its first execution and stash it for the others, run: "
        "alembic -x dedupe=keep-first upgrade head"
    )
    return "\n".join([first, *lines, *more, last])
