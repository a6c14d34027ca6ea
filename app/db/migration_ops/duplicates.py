"""Find rows that the unique index would refuse, before anything is changed."""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

from functools import partial

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from app.db.migration_ops import found, identity, rehearsal
from app.db.migration_ops.plugin import (
    column_names,
    end_transaction,
    offline,
    operation,
    postgresql,
    stash_name,
    table_names,
)
from app.installation import migration_command

KEY = "idempotency_key"
TABLE = "trigger_executions"
DUPLICATES = "duplicate_keys"
BUILT_BY = "0002"
"""Revision that introduced the column and its unique index."""
LISTED_AT_MOST = 10
"""Keys that the error lists, and executions of each."""

INDEXED = f"{KEY} IS NOT NULL"
"""Predicate of the unique index as its revision builds it; that of later ones excepts replays."""


def _later_rows(rows: str, indexed: str) -> str:
    return f"""
    SELECT id, {KEY} FROM (
        SELECT id, {KEY}, row_number() OVER (PARTITION BY trigger_id, {KEY} ORDER BY id) AS place
        FROM {rows} WHERE {indexed} AND trigger_id IS NOT NULL
    ) AS placed WHERE place > 1"""


def _shared(rows: str, indexed: str) -> str:
    return f"""
    SELECT trigger_id, {KEY}, count(*) AS times FROM {rows}
    WHERE {indexed} AND trigger_id IS NOT NULL
    GROUP BY trigger_id, {KEY} HAVING count(*) > 1"""


def _rows(op: Operations) -> str:
    """Return the table, with the keys that an upgrade is about to restore or to show.

    The older system may have added the column anew and received such a key again.
    """
    hidden, stash = stash_name(BUILT_BY, KEY), stash_name(BUILT_BY, TABLE)
    if hidden in column_names(op.get_bind(), TABLE):
        both = f"COALESCE({KEY}, {hidden}) AS {KEY}"
        return f"(SELECT id, trigger_id, {both} FROM {TABLE}) AS executions"
    if KEY not in column_names(op.get_bind(), stash):
        return TABLE
    same = identity.same_row(op, TABLE, stash)
    return f"""(
    SELECT {TABLE}.id, {TABLE}.trigger_id, COALESCE({TABLE}.{KEY}, kept.{KEY}) AS {KEY}
    FROM {TABLE} LEFT JOIN {stash} AS kept ON {same}) AS executions"""


@operation
def refuse_duplicate_keys(op: Operations, indexed: str = INDEXED) -> None:
    """Stop the upgrade before any change if two executions of a trigger share a key."""
    if offline(op) or not {"id", "trigger_id", KEY} <= column_names(op.get_bind(), TABLE):
        return
    if rehearsal.is_rehearsed(op):
        rehearsal.declare_reading(op, partial(refuse_duplicate_keys, indexed=indexed))
    if _keeping_first(op) or rehearsal.prepared(op) is not None:
        return
    rows = _rows(op)
    count = _shared_count(op.get_bind(), rows, indexed)
    if count:
        raise CommandError(_refusal(count, _list_keys(op.get_bind(), rows, indexed)))


@operation
def stash_duplicate_keys(op: Operations, revision: str, indexed: str = INDEXED) -> None:
    """With `-x dedupe=keep-first`, keep each key on its first row and stash the others."""
    if offline(op) or not _keeping_first(op):
        return
    if rehearsal.is_rehearsed(op):
        rehearsal.declare_reading(op, partial(_require_none, indexed=indexed))
    else:
        _stash_later(op, revision, TABLE, indexed)


def keep_first_before_restoring(op: Operations, revision: str, names: list[str]) -> None:
    """With `-x dedupe=keep-first`, do the same for keys that are about to be restored."""
    stash = stash_name(revision, TABLE)
    if KEY in names and _keeping_first(op) and _stash_later(op, revision, _rows(op), INDEXED):
        later = f"SELECT id FROM {stash_name(revision, DUPLICATES)}"
        if postgresql(op):  # a table that is published has no update without
            op.execute(f"ALTER TABLE {stash} REPLICA IDENTITY FULL")
        op.execute(f"UPDATE {stash} SET {KEY} = NULL WHERE id IN ({later})")


def keep_first_before_showing(op: Operations, table: str, names: list[str]) -> None:
    """With `-x dedupe=keep-first`, do the same for hidden keys that came again meanwhile."""
    hidden = stash_name(BUILT_BY, KEY)
    if table != TABLE or KEY not in names or not _keeping_first(op):
        return
    if {KEY, hidden} <= column_names(op.get_bind(), TABLE) and _stash_later(
        op, BUILT_BY, _rows(op), INDEXED
    ):
        later = f"SELECT id FROM {stash_name(BUILT_BY, DUPLICATES)}"
        op.execute(f"UPDATE {TABLE} SET {hidden} = NULL WHERE id IN ({later})")


def _require_none(op: Operations, indexed: str) -> None:
    """Raise Unfit if keys are to be taken from rows, which must not happen before the step."""
    if KEY in column_names(op.get_bind(), TABLE) and _shared_count(
        op.get_bind(), _rows(op), indexed
    ):
        raise rehearsal.Unfit("keys are used more than once, and are stashed in the step")


def _stash_later(op: Operations, revision: str, rows: str, indexed: str) -> bool:
    """Stash the key of every row after the first that has it; return False if there is none."""
    end_transaction(op)  # columns may just have been added, under a lock of the whole table
    if not _shared_count(op.get_bind(), rows, indexed):
        return False
    stash = stash_name(revision, DUPLICATES)
    exists = stash in table_names(op.get_bind())  # from a build that failed or was killed
    identifying = identity.identifying(op, TABLE)
    if exists:
        kept = identity.stashed(column_names(op.get_bind(), stash))
        identifying = [name for name in identifying if name in kept]
    later = (
        f"SELECT later.id, later.{KEY}{identity.selected(op, TABLE, identifying)} "
        f"FROM ({_later_rows(rows, indexed)}) AS later JOIN {TABLE} ON {TABLE}.id = later.id"
    )
    op.execute(f"INSERT INTO {stash} {later}" if exists else f"CREATE TABLE {stash} AS {later}")
    op.execute(f"UPDATE {TABLE} SET {KEY} = NULL WHERE id IN (SELECT id FROM {stash})")
    return True


@operation
def restore_duplicate_keys(op: Operations, revision: str) -> None:
    """Give every row the key that it had before the upgrade."""
    stash = stash_name(revision, DUPLICATES)
    if offline(op) or stash not in table_names(op.get_bind()):
        return
    if KEY in column_names(op.get_bind(), TABLE):
        same = identity.same_row(op, TABLE, stash)
        free = "true"
        if "UNIQUE" in (found.definition(op, "index", "uq_trigger_idem") or ""):
            # the older system received a key again that another row has since got back
            taken = f"taken.trigger_id = {TABLE}.trigger_id AND taken.{KEY} = kept.{KEY}"
            free = f"NOT EXISTS (SELECT 1 FROM {TABLE} AS taken WHERE {taken})"
        op.execute(
            f"UPDATE {TABLE} SET {KEY} = kept.{KEY} FROM {stash} AS kept "
            f"WHERE {identity.stashed_row(op, TABLE, stash)} AND {free}"
        )
        restored = f"SELECT 1 FROM {TABLE} WHERE {same} AND {TABLE}.{KEY} = kept.{KEY}"
        identity.keep_unmatched(op, stash, f"NOT EXISTS ({restored})", stash)
        op.drop_table(stash)


def _keeping_first(op: Operations) -> bool:
    choice = op.get_context().opts.get("x", {}).get("dedupe")
    if choice not in (None, "keep-first"):
        raise CommandError(f"-x dedupe={choice} is unknown; the only value is keep-first")
    return choice is not None


def _shared_count(connection: Connection, rows: str, indexed: str) -> int:
    """Count the keys that more than one execution of a trigger has."""
    query = f"SELECT count(*) FROM ({_shared(rows, indexed)}) AS shared"
    return int(connection.scalar(sa.text(query)) or 0)


def _list_keys(connection: Connection, rows: str, indexed: str) -> list[str]:
    """Return a line for each of the first such keys; each costs a query, maybe without index."""
    first = sa.text(f"{_shared(rows, indexed)} ORDER BY min(id) LIMIT {LISTED_AT_MOST}")
    keys = connection.execute(first).all()
    return [_line(connection, f"{rows} WHERE {indexed}", *key) for key in keys]


def _line(connection: Connection, rows: str, trigger: int, key: str, times: int) -> str:
    query = f"SELECT id FROM {rows} AND trigger_id = :t AND {KEY} = :k ORDER BY id"
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
        f"{migration_command('-x dedupe=keep-first upgrade head')}"
    )
    return "\n".join([first, *lines, *more, last])
