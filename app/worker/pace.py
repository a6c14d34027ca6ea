"""Run the backlog of a resumed trigger in batches: its target must not get all of it at once.

`trigger_pauses` keeps the pace: so many executions a second, together on all workers, until those
that were due before the trigger was resumed have begun.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import is_distributed, utc_now
from app.db.models import trigger_executions, trigger_pauses
from app.executions import due_by_shard
from app.executions.due_queries import first_due

BATCH_SECONDS = 0.5
"""Seconds whose share of executions begins at once."""
_pauses = trigger_pauses.c


def take_batch(connection: Connection, trigger_id: int, count: int) -> int:
    """Take the right to begin the next batch; return its size, or 0 if another worker took it."""
    query = sa.select(_pauses.per_second, _pauses.next_at).where(
        _pauses.trigger_id == trigger_id, _pauses.next_at <= utc_now()
    )
    row = connection.execute(query).first()
    if row is None:
        return 0
    size = min(count, max(1, int(row.per_second * BATCH_SECONDS)))
    taken = (
        sa.update(trigger_pauses)
        .where(_pauses.trigger_id == trigger_id, _pauses.next_at == row.next_at)
        .values(next_at=utc_now(size / row.per_second))
    )
    return size if connection.execute(taken).rowcount == 1 else 0


def has_finished(connection: Connection) -> bool:
    """Return True if the backlog of a resumed trigger has begun."""
    query = sa.select(_pauses.trigger_id).where(_finished(connection)).limit(1)
    return connection.execute(query).first() is not None


def forget_finished(connection: Connection) -> int:
    """Delete the pace of triggers whose backlog has begun; return their number."""
    return connection.execute(sa.delete(trigger_pauses).where(_finished(connection))).rowcount


def _finished(connection: Connection) -> sa.ColumnElement[bool]:
    if is_distributed(connection):
        return _pauses.trigger_id.in_(_finished_on_shards(connection))
    was_due = trigger_executions.c.next_attempt_at <= _pauses.resumed_at
    left = first_due(sa.literal_column("1"), _pauses.trigger_id).where(was_due)
    return _pauses.resumed_at.is_not(None) & ~sa.exists(left.correlate(trigger_pauses))


def _finished_on_shards(connection: Connection) -> list[int]:
    """Return the resumed triggers whose backlog has begun, by a statement for each of them."""
    resumed = sa.select(_pauses.trigger_id, _pauses.resumed_at)
    rows = connection.execute(resumed.where(_pauses.resumed_at.is_not(None))).all()
    is_due = due_by_shard.is_due_until
    return [id_ for id_, moment in rows if not is_due(connection, id_, moment)]
