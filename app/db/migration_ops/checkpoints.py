"""Write SQLite's write-ahead log into the file, so that no writer's commit has to.

A commit that finds more than 1000 pages in the log writes them into the file and waits for the
disk, twice. A copy beside writers fills the log far faster than they do.
"""

import logging
import time
from threading import Event
from typing import Any

from sqlalchemy.engine import Connection

from app.db.migration_ops import stopping
from app.log import event

COMMIT_PAGES = 250
"""Pages in the log at which our own commits write them into the file."""
RESTART_PAGES = 500
"""Pages at which the log begins anew: beside writers it is never empty by itself."""
RESTART_MILLISECONDS = 50
"""Milliseconds for which writers wait for readers so that the log can begin anew."""
BACKLOG_PAGES = 4_000
"""Pages that a reader of an old snapshot keeps out of the file before our work waits for it."""
POLL_SECONDS = 0.1
REPORT_SECONDS = 10.0
"""Seconds between two log lines about the same wait."""

log = logging.getLogger("hookonce.migrate")


def checkpoint(connection: Connection, stop: Event | None = None) -> None:
    """Write the log into the file; return once few pages are left of it. Stopped if `stop` is set.

    The first commit after a long read, such as a backup, would write all that a copy has added to
    the log meanwhile, and keep its sender waiting for seconds.
    """
    report_at = time.monotonic() + REPORT_SECONDS
    while (pages := _pages_left(connection)) > BACKLOG_PAGES:
        if time.monotonic() >= report_at:
            event(log, logging.WARNING, "migration_waits_for_reader", log_pages=pages)
            report_at = time.monotonic() + REPORT_SECONDS
        stopping.sleep(POLL_SECONDS, stop)


def _pages_left(connection: Connection) -> int:
    """Write what no reader prevents; return the number of the other pages."""
    driver: Any = connection.connection.driver_connection
    _, pages, written = driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if pages > RESTART_PAGES:
        (before,) = driver.execute("PRAGMA busy_timeout").fetchone()
        driver.execute(f"PRAGMA busy_timeout = {RESTART_MILLISECONDS}")
        _, pages, written = driver.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        driver.execute(f"PRAGMA busy_timeout = {before}")
    return int(pages - written)
