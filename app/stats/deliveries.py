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


_same_mismatch = (
    mismatched_payloads.c.execution_id == key_mismatches.c.execution_id,
    mismatched_payloads.c.digest == key_mismatches.c.digest,
    same_trigger(mismatched_payloads.c.trigger_id, key_mismatches.c.trigger_id),
)
_counted: sa.Select[Any] = sa.select(
    key_mismatches.c.execution_id,
    *(key_mismatches.c[name] for name in ("number", "first_at", "last_at")),
    sa.exists().where(*_same_mismatch).label("kept"),
)
_uncounted: sa.Select[Any] = sa.select(
    mismatched_payloads.c.execution_id,
    sa.literal(1).label("number"),
    mismatched_payloads.c.received_at.label("first_at"),
    mismatched_payloads.c.received_at.label("last_at"),
    sa.true().label("kept"),
).where(~sa.exists().where(*_same_mismatch))
"""Selects payloads whose count was not written: a crash loses it, and never a payload."""
_MISMATCHES = ((_counted, key_mismatches.c), (_uncounted, mismatched_payloads.c))


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
    rows = [
        row
        for selected, columns in _MISMATCHES
        for row in connection.execute(
            selected.add_columns(columns.digest).where(columns.execution_id == execution_id)
        )
    ]
    return sorted(rows, key=lambda row: (row.first_at, row.digest))


def mismatches(
    connection: Connection, limit: int, trigger_id: int | None = None
) -> Sequence[sa.Row[Any]]:
    """Return the payloads that differ from the admitted one with their key, newest execution first.

    `digest_admitted` is the digest of the admitted payload, `digest_came` of the later one.
    """
    rows = [
        row
        for selected, columns in _MISMATCHES
        for row in connection.execute(_listed(selected, columns, limit, trigger_id))
    ]
    return sorted(rows, key=lambda row: (-row.execution_id, row.digest_came))[:limit]


def _listed(
    selected: sa.Select[Any], columns: Any, limit: int, trigger_id: int | None
) -> sa.Select[Any]:
    """Add the execution and its trigger to the selected mismatches."""
    executions = trigger_executions.c
    query = (
        selected.add_columns(
            executions.trigger_id,
            triggers.c.slug,
            executions.idempotency_key,
            executions.payload_digest.label("digest_admitted"),
            columns.digest.label("digest_came"),
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
    return query.order_by(columns.execution_id.desc(), columns.digest).limit(limit)
