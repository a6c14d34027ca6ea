"""Wait for a vacuum of PostgreSQL, behind which a short lock timeout is refused again and again.

PostgreSQL cancels an autovacuum for a session that has waited for its lock for `deadlock_timeout`,
1 s by default, which is longer than the migration's lock timeout: writers wait behind it. The lock
asked for here conflicts with a vacuum, but with no reader or writer, so that none of them waits.
"""

import logging
import time
from threading import Event
from typing import Any

from alembic.util import CommandError
from sqlalchemy import exc
from sqlalchemy.engine import Connection, Engine

from app.db.migration_ops import stopping
from app.log import event

_VACUUMED = """
    SELECT DISTINCT l.relation::regclass::text AS name, l.pid, CASE
        WHEN a.backend_type = 'autovacuum worker' THEN a.query END AS vacuum
    FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
        JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND c.relkind = 'r' AND c.relnamespace = quote_ident(current_schema())::regnamespace
        AND l.pid <> pg_backend_pid() ORDER BY 1"""
"""Tables that are being vacuumed, analyzed or indexed, which all take the same lock."""
_TRY = "SELECT 2 * setting::integer FROM pg_settings WHERE name = 'deadlock_timeout'"
"""Milliseconds of one try: twice the time after which PostgreSQL cancels an autovacuum."""
LOCK_NOT_AVAILABLE = "55P03"

log = logging.getLogger("hookonce.migrate")


def wait(engine: Engine, seconds: float, stop: Event | None = None) -> float:
    """Wait until no vacuum holds a table, at most `seconds`; return the seconds that it took.

    Raises CommandError, which names the vacuum, if it takes longer: PostgreSQL does not cancel one
    that a person started, or one that prevents a wraparound of transaction ids. Raises Stopped if
    `stop` is set, after at most one try.
    """
    if engine.dialect.name != "postgresql":
        return 0.0
    began = time.monotonic()
    with engine.connect() as connection:
        for row in connection.exec_driver_sql(_VACUUMED).all():
            event(log, logging.WARNING, "migration_waits_for_vacuum", **_named(row))
            _wait_for(connection, row, began + seconds, stop)
    return time.monotonic() - began


def _wait_for(connection: Connection, row: Any, deadline: float, stop: Event | None) -> None:
    """Take the lock in several tries, and release it at once."""
    longest = int(connection.exec_driver_sql(_TRY).scalar_one())
    while not _is_taken(connection, row, min(longest, int((deadline - time.monotonic()) * 1000))):
        stopping.require_going_on(stop)
        if time.monotonic() < deadline:
            continue
        work = row.vacuum or "a vacuum, an analysis or an index build"
        raise CommandError(
            f"process {row.pid} of PostgreSQL still works on the table {row.name} ({work}), which "
            "must end first; revisions already applied stay applied. Run the same command again "
            f"after it, or end it by `SELECT pg_cancel_backend({row.pid})`"
        )


def _is_taken(connection: Connection, row: Any, milliseconds: int) -> bool:
    """Wait for the lock; return False if it is still held after these milliseconds."""
    try:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, milliseconds)}")
        connection.exec_driver_sql(f"LOCK TABLE ONLY {row.name} IN SHARE UPDATE EXCLUSIVE MODE")
    except exc.OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        return False
    finally:
        connection.rollback()
    return True


def _named(row: Any) -> dict[str, Any]:
    fields = {"table": row.name, "pid": row.pid}
    return fields if row.vacuum is None else fields | {"vacuum": row.vacuum}
