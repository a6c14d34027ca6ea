"""Copy the rows of a table in batches, each with its progress in one transaction of the target."""

from collections.abc import Callable
from typing import Any

from app.db.moving import fence, reading, state
from app.db.moving.session import DriverSession
from app.db.moving.tables import MovedTable
from app.db.moving.values import MASK, digest

NOTHING: dict[str, Any] = {"key": None, "rows": 0, "sum": 0, "complete": False}
"""Progress of a table of which no row is copied; `sum` is that of the digests of its rows."""


def copy(
    source: DriverSession,
    target: DriverSession,
    table: MovedTable,
    reason: str,
    checkpoint: Callable[[int], None],
) -> None:
    """Copy the rows that the target does not have yet; for use in a snapshot of the source.

    `checkpoint` is called with the number of rows after each batch, and may raise to stop.
    """
    now = state.progress(target, table.name) or NOTHING
    if now["complete"]:
        return
    copied, total = now["rows"], now.get("sum")
    live = state.read(target, state.LIVE)
    for last_key, rows in reading.common(source, table, table.source_types, now["key"]):
        copied += len(rows)
        if total is not None:
            total = (total + sum(map(digest, rows))) & MASK
        now = {"key": list(last_key), "rows": copied, "sum": total, "complete": False}
        with fence.writable(target, table.name, reason):
            if live:
                target.merge(table.name, table.columns, rows)
            else:
                target.insert(table.name, table.columns, rows)
            state.note_progress(target, table.name, now)
        checkpoint(copied)
    with target.transaction():
        state.note_progress(target, table.name, now | {"complete": True})
