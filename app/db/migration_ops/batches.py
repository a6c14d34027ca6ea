"""Run a statement on a whole table: at once on SQLite, batch by batch on PostgreSQL.

A change of a million rows in one statement would hold its locks for long. So each batch commits,
and the next one waits for replicas that are too far behind.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

from collections.abc import Iterator

import sqlalchemy as sa
from alembic.operations import Operations

from app.db.migration_ops import replica_lag
from app.db.migration_ops.plugin import offline, postgresql

BATCH_ROWS = 20_000
"""Rows that one statement changes or copies."""


def run(op: Operations, table: str, statement: str, *, end: str = "", by: str = "id") -> None:
    """Run `statement`, which ends with a condition, for all rows of `table`; then comes `end`."""
    if offline(op) or not postgresql(op):
        op.execute(statement + end)
        return
    with op.get_context().autocommit_block():
        for first, last in _ranges(op, table):
            op.execute(f"{statement} AND {by} BETWEEN {first} AND {last}{end}")
            replica_lag.wait(op.get_bind())


def _ranges(op: Operations, table: str) -> Iterator[tuple[int, int]]:
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
