"""Work on a SQLite file in short transactions, with pauses in which waiting writers get in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine import Connection, Engine

from app.db.migration_ops import identity

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

CHECKPOINT_PAGES = 250
"""Pages in the write-ahead log at which our commits write them into the file.

A writer does so at 1000 pages: its commit would then wait for the disk to store what we copied.
"""


class Stopped(Exception):
    """The work was stopped by its caller; the same command takes it up again."""


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
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
        ):
            driver.execute(f"PRAGMA {pragma}")
        driver.create_function(identity.DIGEST, 1, identity.digest, deterministic=True)
        try:
            yield connection
        finally:
            connection.invalidate()


@contextmanager
def brief(connection: Connection) -> Iterator[float]:
    """Write in one transaction; yield the time at which it should end, and pause after it."""
    with writing(connection):
        began = time.monotonic()
        yield began + HOLD_SECONDS
    time.sleep(max(HOLD_SECONDS, time.monotonic() - began) * PAUSE_FACTOR)


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
