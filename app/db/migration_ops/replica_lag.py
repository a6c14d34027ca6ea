"""Wait between two batches while a replica of PostgreSQL is behind.

A batch is written to the log, which a replica replays in one process. Without pauses its readers
would see older and older rows, and a failover would wait for the replay.
"""

import logging
import time

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from app.log import event
from app.settings import from_environment

POLL_SECONDS = 0.5
"""Seconds between two looks at the replicas."""
REPORT_SECONDS = 30.0
"""Seconds between two log lines about the same wait."""

_FURTHEST_BEHIND = sa.text("""
    SELECT coalesce(nullif(application_name, ''), host(client_addr), pid::text) AS name,
        pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint AS bytes
    FROM pg_stat_replication WHERE replay_lsn IS NOT NULL
    ORDER BY bytes DESC LIMIT 1""")
"""The replica with the most to replay; without pg_read_all_stats a role sees no positions."""

log = logging.getLogger("hookonce.migrate")


def wait(connection: Connection) -> None:
    """Return once no replica is further behind than HOOKONCE_REPLICA_LAG_BYTES allows."""
    allowed = from_environment().hookonce_replica_lag_bytes
    report_at = time.monotonic()
    while allowed and (replica := _further_behind(connection, allowed)):
        if time.monotonic() >= report_at:
            fields = {"replica": replica.name, "bytes_behind": replica.bytes, "allowed": allowed}
            event(log, logging.WARNING, "migration_waits_for_replica", **fields)
            report_at = time.monotonic() + REPORT_SECONDS
        time.sleep(POLL_SECONDS)


def _further_behind(connection: Connection, allowed: int) -> Row[tuple[str, int]] | None:
    """Return the replica that is furthest behind, if that is more than allowed."""
    replica = connection.execute(_FURTHEST_BEHIND).one_or_none()
    return replica if replica is not None and replica.bytes > allowed else None
