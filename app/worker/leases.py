"""Find executions whose lease expired because their worker died or hung; renew our own leases."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import is_distributed, is_one_of, on_shard, skip_locked, utc_now
from app.db.models import execution_requests, trigger_executions, triggers
from app.executions.due import age_seconds
from app.executions.retry_policy import DEFAULT, RetryPolicy, read_or_default
from app.lifecycle import RUNNING
from app.worker.attempt import FinishedAttempt, Lease, Outcome, RetryTerms, request_id

_executions = trigger_executions.c


def expired_query(limit: int) -> sa.Select[Any]:
    """Select running executions whose lease expired, by ix_trigger_executions_leased."""
    return (
        sa.select(
            _executions.id,
            _executions.attempt_count,
            _executions.lease_owner,
            _executions.trigger_id,
            age_seconds(_executions).label("age_seconds"),
        )
        .where(is_one_of(_executions.status, [RUNNING]))
        .where(_executions.lease_expires_at < utc_now())
        .order_by(_executions.lease_expires_at)
        .limit(limit)
    )


def expired(connection: Connection, limit: int, outcome: Outcome) -> list[FinishedAttempt]:
    """Lock executions whose lease expired; return their attempts, to be settled as lost."""
    rows: Sequence[sa.Row[Any]]
    if is_distributed(connection):
        rows = _locked_on_shards(connection, limit)
    else:
        rows = connection.execute(skip_locked(expired_query(limit))).all()
    policies = _policies(connection, {row.trigger_id for row in rows})
    requests = _request_ids(connection, {row.id: row.trigger_id for row in rows})
    return [
        FinishedAttempt(
            Lease(row.id, row.attempt_count, row.lease_owner),
            RetryTerms(row.trigger_id, policies.get(row.trigger_id, DEFAULT), row.age_seconds),
            outcome,
            requests.get(row.id),
        )
        for row in rows
    ]


def _locked_on_shards(connection: Connection, limit: int) -> list[sa.Row[Any]]:
    """Find executions whose lease expired on any shard; lock them one trigger at a time."""
    found: dict[int, list[int]] = {}
    for row in connection.execute(expired_query(limit)):
        found.setdefault(row.trigger_id, []).append(row.id)
    locked: list[sa.Row[Any]] = []
    for trigger_id, ids in sorted(found.items()):
        of_trigger = (_executions.trigger_id == trigger_id, _executions.id.in_(ids))
        locked += connection.execute(skip_locked(expired_query(limit).where(*of_trigger))).all()
    return locked


def renew(connection: Connection, owner: str, held: Mapping[int, int], lease_seconds: float) -> int:
    """Renew the owner's leases; return how many it still holds.

    `held` has the trigger of each execution whose lease is to be renewed.
    """
    renewed = connection.execute(
        sa.update(trigger_executions)
        .where(
            on_shard(_executions.trigger_id, held.values()),
            _executions.id.in_(sorted(held)),
            _executions.status + sa.literal_column("''") == RUNNING,  # by id, as in settle
            _executions.lease_owner == owner,
        )
        .values(lease_expires_at=utc_now(lease_seconds))
    )
    return renewed.rowcount


def _policies(connection: Connection, trigger_ids: set[int]) -> dict[int, RetryPolicy]:
    """Return retry policies by trigger, by a query of its own so that no trigger row is locked."""
    if not trigger_ids:
        return {}
    query = sa.select(triggers.c.id, triggers.c.retry_policy).where(
        triggers.c.id.in_(sorted(trigger_ids))
    )
    return {row.id: read_or_default(row.retry_policy) for row in connection.execute(query)}


def _request_ids(connection: Connection, trigger_ids: Mapping[int, int]) -> dict[int, str | None]:
    """Return request ids by execution; by a query too, since FOR UPDATE rejects an outer join.

    `trigger_ids` has the trigger of each execution.
    """
    if not trigger_ids:
        return {}
    columns = execution_requests.c
    query = sa.select(columns.execution_id, columns.headers).where(
        on_shard(columns.trigger_id, trigger_ids.values()),
        columns.execution_id.in_(sorted(trigger_ids)),
    )
    return {row.execution_id: request_id(row.headers) for row in connection.execute(query)}
