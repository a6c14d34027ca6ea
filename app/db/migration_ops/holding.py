"""Hold unfinished executions that the older system wrote since its database was given back.

The stash has all unfinished executions that were ours. So an execution that is not in it is to be
held, as `found.hold_found_executions` does in the step. Where values return to hidden columns
before the step, the stash shrinks: the others are held first, or an interrupted upgrade that is
undone would stash them as ours, and the next one would let them run.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

from collections.abc import Mapping
from contextlib import nullcontext

import sqlalchemy as sa
from alembic.operations import Operations

from app.db.migration_ops import found, gentle, identity

NEXT, ATTEMPTS, LEASE = "next_attempt_at", "attempt_count", "lease_expires_at"
_DUE_SINCE_EVER = "1970-01-01 00:00:00"
"""Default of the column: see revision 0003."""


def hold_others(
    op: Operations, table: str, stash: str, columns: Mapping[str, str], *, gently: bool = False
) -> None:
    """Hold the executions that are not in the stash; `columns` are those of the table, by name.

    `gently` reads without the write lock of SQLite, and writes in short transactions.
    """
    last_id = found.definition(op, "last_id", table)
    if last_id is None or not {NEXT, ATTEMPTS, LEASE} <= columns.keys():
        return
    is_unknown = (
        f"id <= {int(last_id)} AND {columns[NEXT]} = '{_DUE_SINCE_EVER}' "
        f"AND {columns[ATTEMPTS]} = 0"
    )
    ours = f"EXISTS (SELECT 1 FROM {stash} AS kept WHERE {identity.same_row(op, table, stash)})"
    query = f"SELECT id FROM {table} WHERE {is_unknown} AND NOT {ours} AND "
    with gentle.reading(op.get_bind()) if gently else nullcontext():
        ids = [
            id_
            for condition in found.unclaimed(columns[LEASE])
            for id_ in op.get_bind().scalars(sa.text(query + condition))
        ]
    for first in range(0, len(ids), gentle.BATCH_ROWS):
        some = ", ".join(map(str, ids[first : first + gentle.BATCH_ROWS]))
        with gentle.brief(op.get_bind()) if gently else nullcontext():
            op.execute(
                f"UPDATE {table} SET {columns[NEXT]} = NULL "
                f"WHERE id IN ({some}) AND {found.UNFINISHED} AND {is_unknown}"
            )
