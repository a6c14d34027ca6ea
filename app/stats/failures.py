"""Count the executions that failed, by the hour of the failure, for the chart of the overview."""

from collections import Counter
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import is_one_of, same_trigger
from app.db.count_cache import CountCache
from app.db.models import trigger_executions
from app.lifecycle import DEAD

NEWEST = 5_000
"""Dead letters, and replayed executions, that are read: no index has the time of a failure."""

_executions = trigger_executions.c


def by_hour(connection: Connection, counter: CountCache, since: datetime) -> dict[datetime, int]:
    """Return the number of failed executions of each hour since then, replayed ones included.

    Of more than NEWEST only the newest are counted.
    """

    def ask() -> list[datetime]:
        rows = [*connection.execute(newest_dead()), *connection.execute(newest_replayed())]
        return [row.completed_at for row in rows if row.completed_at is not None]

    ended: list[datetime] = counter.get_or_count(("failed by hour",), ask, len)
    hours = (each.replace(minute=0, second=0, microsecond=0) for each in ended if each >= since)
    return dict(Counter(hours))


def newest_dead() -> sa.Select[tuple[datetime]]:
    """Return the query for the times at which the newest dead letters failed."""
    query = sa.select(_executions.completed_at).where(is_one_of(_executions.status, DEAD))
    return query.order_by(_executions.id.desc()).limit(NEWEST)


def newest_replayed() -> sa.Select[tuple[datetime]]:
    """Return the query for the executions that a replay has replaced, by their successors."""
    newer = trigger_executions.alias("newer").c
    query = sa.select(_executions.completed_at).join(
        newer.id.table,
        (newer.replay_of_id == _executions.id)
        & same_trigger(newer.trigger_id, _executions.trigger_id),
    )
    ordered = query.where(newer.replay_of_id.is_not(None)).order_by(newer.replay_of_id.desc())
    return ordered.limit(NEWEST)
