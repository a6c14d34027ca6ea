"""Compare both databases by the count and the digest of every table, and find rows that differ."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from app.db.moving.session import DriverSession, Row
from app.db.moving.tables import MovedTable, common
from app.db.moving.values import MASK, digest
from app.errors import CannotMove

BUCKETS = 1024
"""Parts of a table by the hash of the key: rows that differ are looked for in one part alone."""
NAMED_ROWS = 5
CHECKED_ROWS = 1_000
"""Rows between two looks whether the command was interrupted."""

Types = tuple[sa.types.TypeEngine[Any], ...]


@dataclass(slots=True)
class Summary:
    """The number of rows of a table, and the sums of their digests, in no order."""

    rows: int = 0
    sums: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    @property
    def digest(self) -> str:
        """Return the digest of the whole table."""
        return f"{sum(self.sums) & MASK:032x}"


def summary(
    session: DriverSession, table: MovedTable, types: Types, checkpoint: Callable[[int], None]
) -> Summary:
    """Read every row of the table; for use in a snapshot. `checkpoint` may raise to stop."""
    result = Summary()
    places = table.key_places
    for _, row in common(session, table, types):
        result.sums[_bucket(row, places)] += digest(row)
        result.rows += 1
        if result.rows % CHECKED_ROWS == 0:
            checkpoint(result.rows)
    return result


def require_same(
    source: DriverSession,
    target: DriverSession,
    table: MovedTable,
    checkpoint: Callable[[int], None],
) -> Summary:
    """Return the summary that both databases have; raise CannotMove with rows that differ."""
    before = summary(source, table, table.source_types, checkpoint)
    with target.snapshot():
        after = summary(target, table, table.target_types, checkpoint)
        if before == after:
            return before
        buckets = {n for n in range(BUCKETS) if before.sums[n] != after.sums[n]}
        keys = _different(source, target, table, buckets)
    raise CannotMove(
        f"the comparison failed: {table.name} has {before.rows} rows with the digest "
        f"{before.digest} in the source, and {after.rows} with {after.digest} in the target; rows "
        f"that differ: {', '.join(map(str, keys[:NAMED_ROWS]))}. The target is not usable: begin "
        "again with `hookonce move --cancel` and an empty database"
    )


def _different(
    source: DriverSession, target: DriverSession, table: MovedTable, buckets: set[int]
) -> list[tuple[Any, ...]]:
    """Return keys of rows that differ; the rows of one bucket are in memory, and not more."""
    first = {min(buckets)}
    ours = _digests(source, table, table.source_types, first)
    theirs = _digests(target, table, table.target_types, first)
    return sorted({key for key, _ in ours ^ theirs}, key=str)


def _digests(
    session: DriverSession, table: MovedTable, types: Types, buckets: set[int]
) -> set[tuple[Row, int]]:
    places = table.key_places
    return {
        (tuple(row[place] for place in places), digest(row))
        for _, row in common(session, table, types)
        if _bucket(row, places) in buckets
    }


def _bucket(row: Row, places: tuple[int, ...]) -> int:
    return zlib.crc32(repr([row[place] for place in places] if places else row).encode()) % BUCKETS
