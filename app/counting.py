"""How many are there? Answered from an index, up to a limit, and not again within seconds.

A person who reads 10,000 does not need the exact number beyond it, and a table of a million rows
must not be counted for each look at a list.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from cachetools import TTLCache
from sqlalchemy.engine import Connection

EXACT_UP_TO = 10_000
"""Beyond it a count says this number, and that there are more."""
ALWAYS_FRESH_UP_TO = 1_000
FAST_SECONDS = 0.02
"""A count that is small and was fast is never remembered: a person sees what just happened."""
REMEMBERED_SECONDS = 10.0
REMEMBERED_AT_MOST = 10_000


class Counter:
    """Counts of this process's database; large ones are up to ten seconds old."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._remembered: TTLCache[Any, Any] = TTLCache(
            REMEMBERED_AT_MOST, REMEMBERED_SECONDS, clock
        )
        self._clock = clock
        self._lock = threading.Lock()

    def upto(self, connection: Connection, rows: sa.Select[Any], limit: int, key: Any) -> int:
        """How many rows the query has, at most one beyond the limit; `key` tells it apart."""
        return self.kept(key, lambda: _count(connection, rows.limit(limit + 1)))

    def whole(self, connection: Connection, rows: sa.Select[Any], key: Any) -> int:
        """How many rows the query has, however many."""
        return self.kept(key, lambda: _count(connection, rows))

    def kept(self, key: Any, count: Callable[[], int]) -> int:
        """The number, counted now or, if large, a moment ago."""
        known = self.remembered(key)
        if known is None:
            began = self._clock()
            known = count()
            self.remember(key, known, known, self._clock() - began)
        return int(known)

    def remembered(self, key: Any) -> Any:
        """What was counted under this key a moment ago; None if nothing was."""
        with self._lock:
            return self._remembered.get(key)

    def remember(self, key: Any, counted: Any, rows: int, seconds: float = 0.0) -> None:
        """Keep what was counted, if it took many rows or long."""
        if rows > ALWAYS_FRESH_UP_TO or seconds > FAST_SECONDS:
            with self._lock:
                self._remembered[key] = counted


def _count(connection: Connection, rows: sa.Select[Any]) -> int:
    query = sa.select(sa.func.count()).select_from(rows.order_by(None).subquery())
    return int(connection.execute(query).scalar_one())
