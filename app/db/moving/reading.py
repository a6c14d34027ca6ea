"""Read the rows of a table in batches of bounded size, in the order of their key."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.db.moving.session import DriverSession, Row, listed, quoted
from app.db.moving.tables import MovedTable, value_of
from app.db.moving.values import UnfitValue
from app.errors import CannotMove

BATCH_ROWS = 5_000
BATCH_BYTES = 8_388_608
"""Bytes of text and bodies after which a batch ends, so that its memory is bounded."""
_SIZED = (str, bytes)

Types = tuple[sa.types.TypeEngine[Any], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as they are stored, or in their common form."""

    table: MovedTable
    rows: list[Row]
    row_keys: list[Row]
    """Places of the rows in a table without a primary key; empty if it has one."""

    def key(self, number: int) -> Row:
        """Return the key, as it is stored, of a row as it is stored."""
        if self.row_keys:
            return self.row_keys[number]
        row = self.rows[number]
        return tuple([row[place] for place in self.table.key_places])


def batches(
    session: DriverSession, table: MovedTable, types: Types, after: list[Any] | None = None
) -> Iterator[Batch]:
    """Yield all rows as stored, or those beyond the key `after`; for use in a snapshot."""
    kinds = zip(table.columns, types, strict=True)
    columns = [value_of(session, table.name, name, kind) for name, kind in kinds]
    row_key = f"{session.row_key}::text" if session.row_key == "ctid" else session.row_key
    order = listed(table.key) if table.key else session.row_key
    if not table.key:
        columns = [row_key, *columns]
    rest = f"FROM {quoted(table.name)}"
    if after is not None:
        rest += f" WHERE ({order}) > ({_marks(session, table)})"
    rest += f" ORDER BY {order}"
    weight = session.weight(table.columns, types)
    stream = session.stream(
        f"SELECT {', '.join(columns)} {rest}", after or (), f"SELECT {weight} {rest}"
    )
    for rows in bounded(stream):
        if table.key:
            yield Batch(table, rows, [])
        else:
            yield Batch(table, [row[1:] for row in rows], [row[:1] for row in rows])


def common(
    session: DriverSession, table: MovedTable, types: Types, after: list[Any] | None = None
) -> Iterator[tuple[Row, list[Row]]]:
    """Yield the last key, as stored, and the rows in their common form, of each batch.

    Raises CannotMove for a value that does not fit. Such values are named before the first row is
    copied: this one was written since.
    """
    for batch in batches(session, table, types, after):
        yield batch.key(-1), _converted(batch)


def _converted(batch: Batch) -> list[Row]:
    table = batch.table
    try:
        return table.common(batch.rows)
    except UnfitValue as error:
        key = next(batch.key(number) for number, _ in unfit(batch))
        raise CannotMove(
            f"{table.name} has a row {key} that was changed during the move to a value that does "
            f"not fit: {error.problem}; run the same command again with --dry-run"
        ) from error


def unfit(batch: Batch) -> Iterator[tuple[int, Row]]:
    """Yield the rows that have a value that does not fit, with their numbers in the batch."""
    for number, row in enumerate(batch.rows):
        try:
            batch.table.convert(row)
        except UnfitValue:
            yield number, row


def bounded(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield the rows in lists of bounded size."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum([len(value) for value in row if value.__class__ in _SIZED])
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _marks(session: DriverSession, table: MovedTable) -> str:
    if table.key:
        return ", ".join("?" * len(table.key))
    return "?::tid" if session.row_key == "ctid" else "?"
