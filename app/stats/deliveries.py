"""Questions about deliveries that only read: what became of them, and which came again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.models import (
    delivery_counts,
    execution_repeats,
    key_mismatches,
    trigger_executions,
    triggers,
)
from app.stats import outcomes


def counts(
    connection: Connection, since: datetime, trigger_id: int | None = None
) -> Sequence[sa.Row[Any]]:
    """(hour, trigger_id, outcome, number) of each hour that ended after `since`, newest first.

    Of every trigger if none is named; trigger 0 stands for addresses that are no trigger's.
    """
    columns = delivery_counts.c
    # answer times and attempts are counted in the same table, and are no deliveries
    of_deliveries = columns.outcome.in_(outcomes.ALL)
    hour = since.replace(minute=0, second=0, microsecond=0)
    query: sa.Select[Any] = sa.select(
        columns.hour, columns.trigger_id, columns.outcome, columns.number
    )
    query = query.where(columns.hour >= hour, of_deliveries)
    if trigger_id is not None:
        query = query.where(columns.trigger_id == trigger_id)
    order = (columns.hour.desc(), columns.trigger_id, columns.outcome)
    return connection.execute(query.order_by(*order)).all()


def repeats_of(connection: Connection, execution_id: int) -> sa.Row[Any] | None:
    """(number, last_at): how often the event came again; None if it never did."""
    columns = execution_repeats.c
    query: sa.Select[Any] = sa.select(columns.number, columns.last_at).where(
        columns.execution_id == execution_id
    )
    return connection.execute(query).one_or_none()


def mismatches_of(connection: Connection, execution_id: int) -> Sequence[sa.Row[Any]]:
    """The other payloads that came under its key, each with its count and times, oldest first."""
    columns = key_mismatches.c
    query: sa.Select[Any] = sa.select(key_mismatches).where(columns.execution_id == execution_id)
    return connection.execute(query.order_by(columns.first_at, columns.digest)).all()


def mismatches(
    connection: Connection, limit: int, trigger_id: int | None = None
) -> Sequence[sa.Row[Any]]:
    """Every other payload that came under a known key, the execution newest first.

    `digest_admitted` is the digest of what was admitted, `digest_came` of what came later.
    """
    columns, executions = key_mismatches.c, trigger_executions.c
    query: sa.Select[Any] = (
        sa.select(
            columns.execution_id,
            executions.trigger_id,
            triggers.c.slug,
            executions.idempotency_key,
            executions.payload_digest.label("digest_admitted"),
            columns.digest.label("digest_came"),
            columns.number,
            columns.first_at,
            columns.last_at,
        )
        .join(trigger_executions, executions.id == columns.execution_id)
        .join(triggers, triggers.c.id == executions.trigger_id)
    )
    if trigger_id is not None:
        query = query.where(executions.trigger_id == trigger_id)
    order = (columns.execution_id.desc(), columns.digest)
    return connection.execute(query.order_by(*order).limit(limit)).all()
