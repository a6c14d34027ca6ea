"""Translate a time of receipt into an execution id: ids rise with the time of receipt."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.models import trigger_executions

_executions = trigger_executions.c
_TIMES = (_executions.received_at, _executions.started_at, _executions.completed_at)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_UNDATED_AT_MOST = 1_000
"""Adopted rows may have no time at all; so many in a row are taken as old."""


def first_id_since(connection: Connection, since: datetime) -> int:
    """Return the lowest id of the executions received at or after `since`, by binary search."""
    # two statements: SQLite finds only one end by the index, and Citus refuses two sub-selects
    ends = [sa.select(end(_executions.id)) for end in (sa.func.min, sa.func.max)]
    low, high = (connection.execute(each).scalar() for each in ends)
    if low is None or high is None:
        return 0
    high += 1
    while low < high:
        middle = (low + high) // 2
        execution_id, received_at = _first_dated(connection, middle, high)
        if received_at is not None and received_at < since:
            low = execution_id + 1
        else:
            high = middle
    return int(low)


def _first_dated(connection: Connection, start: int, end: int) -> tuple[int, datetime | None]:
    """Return (id, time) of the first execution from `start` on that has a time.

    The time is None if there is no execution, and LONG_AGO if too many have no time.
    """
    query = (
        sa.select(_executions.id, sa.func.coalesce(*_TIMES).label("moment"))
        .where(_executions.id >= start, _executions.id < end)
        .order_by(_executions.id)
    )
    execution_id, received_at = end, None
    for limit in (1, _UNDATED_AT_MOST):
        for row in connection.execute(query.limit(limit)):
            execution_id, received_at = row.id, row.moment or LONG_AGO
            if row.moment is not None:
                return execution_id, received_at
        if received_at is None:
            break
    return execution_id, received_at
