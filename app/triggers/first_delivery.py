"""Find what has arrived at a trigger since it was created, for the person who connects a sender."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import same_trigger
from app.db.models import delivery_counts, execution_requests, trigger_executions
from app.stats import outcomes

NEWEST = 50
"""Newest executions of the trigger that are searched: test events have no request."""
COUNTED_HOURS = 24
"""Hours of delivery counts that are searched for a handshake."""


def newest_received(connection: Connection, trigger_id: int) -> int | None:
    """Return the id of the newest execution that a sender caused, not a test event; else None."""
    row = connection.execute(received(trigger_id)).one_or_none()
    return None if row is None else int(row[0])


def received(trigger_id: int) -> sa.Select[Any]:
    """Return the query for that id."""
    columns = trigger_executions.c
    newest = sa.select(columns.id, columns.trigger_id).where(columns.trigger_id == trigger_id)
    ids = newest.order_by(columns.id.desc()).limit(NEWEST).subquery()
    sent = sa.select(ids.c.id).join(
        execution_requests,
        (execution_requests.c.execution_id == ids.c.id)
        & same_trigger(execution_requests.c.trigger_id, ids.c.trigger_id),
    )
    return sent.order_by(ids.c.id.desc()).limit(1)


def had_handshake(connection: Connection, trigger_id: int, now: datetime) -> bool:
    """Return whether a request of the sender that only tests the address was verified lately."""
    columns = delivery_counts.c
    counted = sa.select(sa.literal(1)).where(
        columns.hour >= now - timedelta(hours=COUNTED_HOURS),
        columns.trigger_id == trigger_id,
        columns.outcome == outcomes.HANDSHAKE,
    )
    return connection.execute(counted.limit(1)).first() is not None
