"""Find executions by the time of their receipt through their ids, which rise with it."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.models import trigger_executions

_executions = trigger_executions.c
_TIMES = (_executions.received_at, _executions.started_at, _executions.completed_at)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_UNDATED_AT_MOST = 1_000
"""Found rows may lack every time; so many in a row are taken to be old."""


def first_id_since(connection: Connection, since: datetime) -> int:
    """An id that all executions received since then have reached, and none received before."""
    ends = [sa.select(end(_executions.id)).scalar_subquery() for end in (sa.func.min, sa.func.max)]
    low, high = connection.execute(sa.select(*ends)).one()
    if low is None:
        return 0
    high += 1
    while low < high:
        middle = (low + high) // 2
        found, moment = _dated(connection, middle, high)
        if moment is not None and moment < since:
            low = found + 1
        else:
            high = middle
    return int(low)


def _dated(connection: Connection, start: int, end: int) -> tuple[int, datetime | None]:
    """The first execution from there on that knows when it came, and when.

    None where there is no execution, long ago where too many know nothing.
    """
    query = (
        sa.select(_executions.id, sa.func.coalesce(*_TIMES).label("moment"))
        .where(_executions.id >= start, _executions.id < end)
        .order_by(_executions.id)
    )
    found, moment = end, None
    for limit in (1, _UNDATED_AT_MOST):
        for row in connection.execute(query.limit(limit)):
            found, moment = row.id, row.moment or LONG_AGO
            if row.moment is not None:
                return found, moment
        if moment is None:
            break
    return found, moment
