"""Copy the rows of a table in batches, each with its progress in one transaction of the target."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from app.db.moving import fence, state
from app.db.moving.session import DriverSession, Row
from app.db.moving.tables import MovedTable, common

BATCH_ROWS = 5_000
BATCH_BYTES = 8_388_608
"""Bytes of text and bodies after which a batch ends, so that its memory is bounded."""

NOTHING: dict[str, Any] = {"key": None, "rows": 0, "complete": False}
"""Progress of a table of which no row is copied."""

Batch = list[tuple[Row, Row]]


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
    now = state.progress(target, table.name)
    if now["complete"]:
        return
    copied = now["rows"]
    live = state.read(target, state.LIVE)
    for batch in batches(common(source, table, table.source_types, now["key"])):
        copied += len(batch)
        now = {"key": list(batch[-1][0]), "rows": copied, "complete": False}
        rows = [row for _, row in batch]
        with fence.writable(target, table.name, reason):
            if live:
                target.merge(table.name, table.columns, rows)
            else:
                target.insert(table.name, table.columns, rows)
            state.note_progress(target, table.name, now)
        checkpoint(copied)
    with target.transaction():
        state.note_progress(target, table.name, now | {"complete": True})


def batches(rows: Iterable[tuple[Row, Row]]) -> Iterator[Batch]:
    """Yield the keys and rows in batches of bounded size."""
    batch: Batch = []
    size = 0
    for key, row in rows:
        batch.append((key, row))
        size += sum(map(_size, row))
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _size(value: Any) -> int:
    return len(value) if type(value) in (str, bytes) else 8
