"""Read whether PostgreSQL acknowledges commits that a crash or a failover would lose."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

_WAITS_FOR_NO_DISK = "off"
_WAITS_FOR_NO_STANDBY = ("off", "local")
# a role without pg_monitor sees the rows of other roles, and NULL for their state
_STANDBYS = sa.text(
    "SELECT count(*) FROM pg_stat_replication AS sender "
    "WHERE coalesce(sender.state, 'streaming') IN ('streaming', 'catchup') AND NOT EXISTS ("
    "SELECT 1 FROM pg_replication_slots AS slot "
    "WHERE slot.active_pid = sender.pid AND slot.slot_type = 'logical')"
)


def commits_without_disk(connection: Connection) -> bool:
    """Return True if a commit is acknowledged before it is on the primary's own disk."""
    return (
        connection.dialect.name == "postgresql"
        and _setting(connection, "synchronous_commit") == _WAITS_FOR_NO_DISK
    )


def standbys_not_waited_for(connection: Connection) -> int:
    """Return the number of standbys if no commit waits for one of them, otherwise 0."""
    if connection.dialect.name != "postgresql":
        return 0
    names = _setting(connection, "synchronous_standby_names").strip()
    if names and _setting(connection, "synchronous_commit") not in _WAITS_FOR_NO_STANDBY:
        return 0
    return int(connection.execute(_STANDBYS).scalar_one())


def _setting(connection: Connection, name: str) -> str:
    return str(connection.scalar(sa.text(f"SHOW {name}")))
