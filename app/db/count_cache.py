"""Count rows by an index, up to a limit, and cache large counts for some seconds.

Beyond 10,000 a user does not need the exact number, and a table of a million rows must not be
counted for each view of a list.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa
from cachetools import TLRUCache
from sqlalchemy.engine import Connection

EXACT_UP_TO = 10_000
"""Highest exact count; above it the answer is this number, marked as not exact."""
ALWAYS_FRESH_UP_TO = 1_000
"""Counts that read no more rows than this are never cached: a user sees the latest state."""
REMEMBERED_SECONDS = 10.0
"""Shortest time that a count is cached."""
REMEMBERED_TIMES = 1_000
"""A count is cached for this multiple of the time that it took, if that is longer."""
REMEMBERED_SECONDS_AT_MOST = 300.0
"""Longest time that a count is cached."""
REMEMBERED_AT_MOST = 10_000
"""Counts in the cache."""


class _Counted(NamedTuple):
    """A count, and the seconds that it took."""

    value: Any
    seconds: float


class CountCache:
    """The counts that this process has cached; they are some seconds old."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache: TLRUCache[Any, _Counted] = TLRUCache(REMEMBERED_AT_MOST, _until, clock)
        self._clock = clock
        self._lock = threading.Lock()

    def count_up_to(
        self, connection: Connection, rows: sa.Select[Any], limit: int, key: Any
    ) -> int:
        """Count the rows of the query, up to `limit` + 1; `key` identifies the query."""
        return int(self.get_or_count(key, lambda: _count(connection, rows.limit(limit + 1)), int))

    def count_all(self, connection: Connection, rows: sa.Select[Any], key: Any, read: int) -> int:
        """Count all rows of the query, which reads at most `read` rows."""
        return int(self.get_or_count(key, lambda: _count(connection, rows), lambda _counted: read))

    def get_or_count(self, key: Any, count: Callable[[], Any], read: Callable[[Any], int]) -> Any:
        """Return the cached count of `key`, or count now; `read` returns the rows that took."""
        with self._lock:
            cached = self._cache.get(key)
        if cached is not None:
            return cached.value
        began = self._clock()
        counted = count()
        if read(counted) > ALWAYS_FRESH_UP_TO:
            with self._lock:
                self._cache[key] = _Counted(counted, self._clock() - began)
        return counted


def _until(_key: Any, counted: _Counted, now: float) -> float:
    """Return the time at which the cached count expires."""
    seconds = max(REMEMBERED_SECONDS, REMEMBERED_TIMES * counted.seconds)
    return now + min(seconds, REMEMBERED_SECONDS_AT_MOST)


def _count(connection: Connection, rows: sa.Select[Any]) -> int:
    query = sa.select(sa.func.count()).select_from(rows.order_by(None).subquery())
    return int(connection.execute(query).scalar_one())
