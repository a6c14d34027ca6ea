"""Compare both databases by the count and the digest of every table, and find rows that differ."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.db.moving.reading import Types, common
from app.db.moving.session import DriverSession, Row
from app.db.moving.tables import MovedTable
from app.db.moving.values import MASK, digest
from app.errors import CannotMove

BUCKETS = 1024
"""Parts of a table by the hash of the key: rows that differ are looked for in one part alone."""
NAMED_ROWS = 5


@dataclass(frozen=True, slots=True)
class Summary:
    """The number of rows of a table, and the sum of their digests, in no order."""

    rows: int
    sum: int

    @property
    def digest(self) -> str:
        """Return the digest of the whole table."""
        return f"{self.sum:032x}"


def summary(
    session: DriverSession, table: MovedTable, types: Types, checkpoint: Callable[[int], None]
) -> Summary:
    """Read every row of the table; for use in a snapshot. `checkpoint` may raise to stop."""
    count = total = 0
    for _, rows in common(session, table, types):
        total += sum(map(digest, rows))
        count += len(rows)
        checkpoint(count)
    return Summary(count, total & MASK)


def require_same(
    source: DriverSession,
    target: DriverSession,
    table: MovedTable,
    checkpoint: Callable[[int], None],
    before: Summary | None = None,
) -> Summary:
    """Return the summary that both databases have; raise CannotMove with rows that differ.

    `before` is that of the source, if it is known: nothing else has been written there since.
    """
    before = before or summary(source, table, table.source_types, checkpoint)
    with target.snapshot():
        after = summary(target, table, table.target_types, checkpoint)
        if before == after:
            return before
        keys = _different(source, target, table)
    raise CannotMove(
        f"the comparison failed: {table.name} has {before.rows} rows with the digest "
        f"{before.digest} in the source, and {after.rows} with {after.digest} in the target; rows "
        f"that differ: {', '.join(map(str, keys[:NAMED_ROWS]))}. The target is not usable: begin "
        "again with `hookonce move --cancel` and an empty database"
    )


def _different(
    source: DriverSession, target: DriverSession, table: MovedTable
) -> list[tuple[Any, ...]]:
    """Return keys of rows that differ; the rows of one bucket are in memory, and not more."""
    ours = _sums(source, table, table.source_types)
    theirs = _sums(target, table, table.target_types)
    first = next(n for n in range(BUCKETS) if ours[n] != theirs[n])
    differ = _digests(source, table, table.source_types, first) ^ _digests(
        target, table, table.target_types, first
    )
    return sorted({key for key, _ in differ}, key=str)


def _sums(session: DriverSession, table: MovedTable, types: Types) -> list[int]:
    """Return the sum of the digests of each bucket."""
    places = table.key_places
    sums = [0] * BUCKETS
    for _, rows in common(session, table, types):
        for row in rows:
            sums[_bucket(row, places)] += digest(row)
    return sums


def _digests(
    session: DriverSession, table: MovedTable, types: Types, bucket: int
) -> set[tuple[Row, int]]:
    places = table.key_places
    return {
        (tuple(row[place] for place in places), digest(row))
        for _, rows in common(session, table, types)
        for row in rows
        if _bucket(row, places) == bucket
    }


def _bucket(row: Row, places: tuple[int, ...]) -> int:
    return zlib.crc32(repr([row[place] for place in places] if places else row).encode()) % BUCKETS
