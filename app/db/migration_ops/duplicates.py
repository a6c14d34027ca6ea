"""Rows that the unique index would refuse: found before anything is changed, never lost."""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from app.db.migration_ops.plugin import column_names, offline, operation, stash_name, table_names

KEY = "idempotency_key"
TABLE = "trigger_executions"
NAMED_AT_MOST = 10
"""Keys, and executions of each."""

_LATER_ROWS = f"""
    SELECT id, {KEY} FROM (
        SELECT id, {KEY}, row_number() OVER (PARTITION BY trigger_id, {KEY} ORDER BY id) AS place
        FROM {TABLE} WHERE {KEY} IS NOT NULL AND trigger_id IS NOT NULL
    ) AS placed WHERE place > 1"""

_SHARED = f"""
    SELECT trigger_id, {KEY}, count(*) AS times FROM {TABLE}
    WHERE {KEY} IS NOT NULL AND trigger_id IS NOT NULL
    GROUP BY trigger_id, {KEY} HAVING count(*) > 1"""


@operation
def refuse_duplicate_keys(op: Operations) -> None:
    """No two executions of a trigger share a key, or this upgrade ends before any change."""
    if offline(op) or not {"id", "trigger_id", KEY} <= column_names(op.get_bind(), TABLE):
        return
    if _keeping_first(op):
        return
    count = _shared_count(op.get_bind())
    if count:
        raise CommandError(_refusal(count, _named(op.get_bind())))


@operation
def stash_duplicate_keys(op: Operations, revision: str) -> None:
    """With `-x dedupe=keep-first`, each key stays on its first row; the stash has the rest."""
    if offline(op) or not _keeping_first(op) or not _shared_count(op.get_bind()):
        return
    stash = stash_name(revision, "duplicate_keys")
    if stash in table_names(op.get_bind()):  # what came since a build that failed or was killed
        op.execute(f"INSERT INTO {stash} {_LATER_ROWS}")
    else:
        op.execute(f"CREATE TABLE {stash} AS {_LATER_ROWS}")
    op.execute(f"UPDATE {TABLE} SET {KEY} = NULL WHERE id IN (SELECT id FROM {stash})")


@operation
def restore_duplicate_keys(op: Operations, revision: str) -> None:
    """Every row has the key it was found with."""
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
        raise CommandError(f"-x dedupe={choice} is not known; the one way is dedupe=keep-first")
    return choice is not None


def _shared_count(connection: Connection) -> int:
    """How many keys stand more than once."""
    return int(connection.scalar(sa.text(f"SELECT count(*) FROM ({_SHARED}) AS shared")) or 0)


def _named(connection: Connection) -> list[str]:
    """A line for each of the first such keys. Each costs a look-up, and there may be no index."""
    first = sa.text(f"{_SHARED} ORDER BY min(id) LIMIT {NAMED_AT_MOST}")
    return [_line(connection, *shared) for shared in connection.execute(first).all()]


def _line(connection: Connection, trigger: int, key: str, times: int) -> str:
    query = f"SELECT id FROM {TABLE} WHERE trigger_id = :t AND {KEY} = :k ORDER BY id"
    ids = sa.text(f"{query} LIMIT {NAMED_AT_MOST}")
    named = ", ".join(map(str, connection.scalars(ids, {"t": trigger, "k": key})))
    more = f" and {times - NAMED_AT_MOST} more" if times > NAMED_AT_MOST else ""
    return f"  trigger {trigger}, key {key!r}: executions {named}{more}"


def _refusal(count: int, named: list[str]) -> str:
    more = ["  ..."] if count > len(named) else []
    stand = "idempotency keys in all stand" if count > 1 else "idempotency key stands"
    first = (
        f"{count} {stand} more than once, so uq_trigger_idem cannot be built; nothing was changed."
    )
    last = (
        "To keep each key on its first execution and stash it for the others, run: "
        "alembic -x dedupe=keep-first upgrade head"
    )
    return "\n".join([first, *named, *more, last])
