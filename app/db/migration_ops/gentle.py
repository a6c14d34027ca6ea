"""Work on a SQLite file in short transactions, with pauses in which waiting writers get in."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

from sqlalchemy.engine import Connection, Engine

from app.db.migration_ops import checkpoints, identity

HOLD_SECONDS = 0.04
"""Seconds for which one transaction copies or deletes rows while writers wait."""
PAUSE_FACTOR = 1.0
"""Pause after a transaction, as a multiple of its duration.

SQLite's own wait for the lock tries every 100 ms at last: pauses that are shorter than the
transactions would be missed many times in a row.
"""
BATCH_ROWS = 100
"""Rows that one statement copies or deletes: it cannot be interrupted, and rows may be large."""
CACHE_KILOBYTES = 65_536
"""Page cache of the connection: an index in random order is written all over."""


@contextmanager
def own_connection(engine: Engine) -> Iterator[Connection]:
    """Open a connection for work that is repeated after a loss of power, and close it for good.

    It does not wait for the disk, and copies rows as they are, also those that break a CHECK.
    """
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        for pragma in (
            "foreign_keys = OFF",
            "ignore_check_constraints = ON",
            "synchronous = NORMAL",
            f"cache_size = -{CACHE_KILOBYTES}",
            f"wal_autocheckpoint = {checkpoints.COMMIT_PAGES}",
        ):
            driver.execute(f"PRAGMA {pragma}")
        driver.create_function(identity.DIGEST, 1, identity.digest, deterministic=True)
        try:
            yield connection
        finally:
            connection.invalidate()


@contextmanager
def brief(connection: Connection, stop: Event | None = None) -> Iterator[float]:
    """Write in one transaction; yield the time at which it should end, and pause after it.

    Raises Stopped, after the commit, if `stop` is set while a reader keeps the log from being
    written into the file.
    """
    with writing(connection):
        began = time.monotonic()
        yield began + HOLD_SECONDS
    took = time.monotonic() - began
    checkpoints.checkpoint(connection, stop)
    time.sleep(max(HOLD_SECONDS, took) * PAUSE_FACTOR)


def in_ranges(connection: Connection, table: str, work: Callable[[str], None]) -> None:
    """Call `work` with conditions on the rowid, as `BETWEEN 1 AND 9`, in short transactions."""
    ranges, is_complete = _Ranges(connection, table), False
    while not is_complete:
        with brief(connection) as deadline:
            is_complete = ranges.work_until(deadline, work)


class _Ranges:
    """The rows of a table in the order of their rowids; fewer at a time if they take long."""

    def __init__(self, connection: Connection, table: str) -> None:
        self._connection = connection
        self._table = '"' + table.replace('"', '""') + '"'
        self._last: int | None = None
        self._rows = 1

    def work_until(self, deadline: float, work: Callable[[str], None]) -> bool:
        """Work on the next ranges until the deadline; return True if no row is left."""
        while (newest := self._newest()) is not None:
            began = time.monotonic()
            work(f"<= {newest}" if self._last is None else f"BETWEEN {self._last + 1} AND {newest}")
            self._last = newest
            is_slow = time.monotonic() - began > HOLD_SECONDS / 2
            self._rows = max(1, self._rows // 2) if is_slow else min(BATCH_ROWS, self._rows * 2)
            if time.monotonic() >= deadline:
                return False
        return True

    def _newest(self) -> int | None:
        """Return the last rowid of the next range; None if there are no more rows."""
        later = "" if self._last is None else f"WHERE rowid > {self._last}"
        some = f"SELECT rowid AS number FROM {self._table} {later} ORDER BY rowid"  # noqa: S608
        query = f"SELECT max(number) FROM ({some} LIMIT {self._rows})"  # noqa: S608, quoted above
        newest: int | None = self._connection.exec_driver_sql(query).scalar()
        return newest


@contextmanager
def writing(connection: Connection) -> Iterator[None]:
    """Hold the write lock until the end of the block, and commit."""
    connection.commit()  # SQLAlchemy began a transaction for what was read before
    connection.execution_options(hookonce_writes=True)
    try:
        with connection.begin():
            yield
    finally:
        connection.execution_options(hookonce_writes=False)


@contextmanager
def reading(connection: Connection) -> Iterator[None]:
    """Read from one snapshot, without the write lock."""
    connection.commit()
    connection.execution_options(hookonce_writes=False)
    with connection.begin():
        connection.exec_driver_sql("BEGIN")
        yield
