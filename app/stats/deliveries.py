"""Read the counts of deliveries, the duplicates and the mismatches."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import same_trigger
from app.db.models import (
    delivery_counts,
    execution_repeats,
    key_mismatches,
    mismatched_payloads,
    trigger_executions,
    triggers,
)
from app.stats import outcomes


def counts(
    connection: Connection, since: datetime, trigger_id: int | None = None
) -> Sequence[sa.Row[Any]]:
    """Return (hour, trigger_id, outcome, number) of each hour that ended after `since`.

    The newest hour is first. Without `trigger_id` all triggers are counted; trigger 0 has the
    deliveries to unknown addresses.
    """
    columns = delivery_counts.c
    # the same table has the counts of answer times and attempts
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


_kept = sa.exists().where(
    mismatched_payloads.c.execution_id == key_mismatches.c.execution_id,
    mismatched_payloads.c.digest == key_mismatches.c.digest,
    same_trigger(mismatched_payloads.c.trigger_id, key_mismatches.c.trigger_id),
)


def mismatched_payload(
    connection: Connection, execution_id: int, digest: str
) -> sa.Row[Any] | None:
    """Return the kept payload that came with this execution's key; None if it is not kept.

    `digest` is the beginning of its digest.
    """
    columns = mismatched_payloads.c
    query = sa.select(mismatched_payloads).where(columns.execution_id == execution_id)
    query = query.where(columns.digest.startswith(digest, autoescape=True))
    return connection.execute(query.order_by(columns.digest).limit(1)).first()


def repeats_of(connection: Connection, execution_id: int) -> sa.Row[Any] | None:
    """Return (number, last_at) of the duplicates of the execution; None if there are none."""
    columns = execution_repeats.c
    query: sa.Select[Any] = sa.select(columns.number, columns.last_at)
    return connection.execute(query.where(columns.execution_id == execution_id)).one_or_none()


def mismatches_of(connection: Connection, execution_id: int) -> Sequence[sa.Row[Any]]:
    """Return the differing payloads with this execution's key, counts and times, oldest first."""
    columns = key_mismatches.c
    query: sa.Select[Any] = sa.select(key_mismatches, _kept.label("kept"))
    query = query.where(columns.execution_id == execution_id)
    return connection.execute(query.order_by(columns.first_at, columns.digest)).all()


def mismatches(
    connection: Connection, limit: int, trigger_id: int | None = None
) -> Sequence[sa.Row[Any]]:
    """Return the payloads that differ from the admitted one with their key, newest execution first.

    `digest_admitted` is the digest of the admitted payload, `digest_came` of the later one.
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
            _kept.label("kept"),
        )
        .join(
            trigger_executions,
            (executions.id == columns.execution_id)
            & same_trigger(columns.trigger_id, executions.trigger_id),
        )
        .join(triggers, triggers.c.id == executions.trigger_id)
    )
    if trigger_id is not None:
        query = query.where(executions.trigger_id == trigger_id)
    order = (columns.execution_id.desc(), columns.digest)
    return connection.execute(query.order_by(*order).limit(limit)).all()
