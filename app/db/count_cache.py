"""How many are there? Answered from an index, up to a limit, and not again within seconds.

A person who reads 10,000 does not need the exact number beyond it, and a table of a million rows
must not be counted for each look at a list.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa
from cachetools import TLRUCache
from sqlalchemy.engine import Connection

EXACT_UP_TO = 10_000
"""Beyond it a count says this number, and that there are more."""
ALWAYS_FRESH_UP_TO = 1_000
"""A count that reads no more than this is never remembered: a person sees what just happened."""
REMEMBERED_SECONDS = 10.0
REMEMBERED_TIMES = 1_000
"""A count is remembered so many times as long as it took, if that is longer."""
REMEMBERED_SECONDS_AT_MOST = 300.0
REMEMBERED_AT_MOST = 10_000


class _Counted(NamedTuple):
    """What was counted, and how long that took."""

    value: Any
    seconds: float


class CountCache:
    """Counts of this process's database; large ones are some seconds old."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._remembered: TLRUCache[Any, _Counted] = TLRUCache(REMEMBERED_AT_MOST, _until, clock)
        self._clock = clock
        self._lock = threading.Lock()

    def upto(self, connection: Connection, rows: sa.Select[Any], limit: int, key: Any) -> int:
        """How many rows the query has, at most one beyond the limit; `key` tells it apart."""
        return int(self.kept(key, lambda: _count(connection, rows.limit(limit + 1)), int))

    def whole(self, connection: Connection, rows: sa.Select[Any], key: Any, read: int) -> int:
        """How many rows the query has, of so many that are read for it at most."""
        return int(self.kept(key, lambda: _count(connection, rows), lambda _counted: read))

    def kept(self, key: Any, count: Callable[[], Any], read: Callable[[Any], int]) -> Any:
        """What is counted, now or, where it takes many rows to read, a moment ago."""
        with self._lock:
            known = self._remembered.get(key)
        if known is not None:
            return known.value
        began = self._clock()
        counted = count()
        if read(counted) > ALWAYS_FRESH_UP_TO:
            with self._lock:
                self._remembered[key] = _Counted(counted, self._clock() - began)
        return counted


def _until(_key: Any, counted: _Counted, now: float) -> float:
    """When it is to be counted again."""
    long = max(REMEMBERED_SECONDS, REMEMBERED_TIMES * counted.seconds)
    return now + min(long, REMEMBERED_SECONDS_AT_MOST)


def _count(connection: Connection, rows: sa.Select[Any]) -> int:
    query = sa.select(sa.func.count()).select_from(rows.order_by(None).subquery())
    return int(connection.execute(query).scalar_one())
