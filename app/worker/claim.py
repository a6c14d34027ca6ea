"""Which executions are due, and whose are they now?"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.actions.work import Work
from app.db import locked_for_claim, utc_now
from app.lifecycle import RUNNING, WAITING
from app.models import execution_attempts, execution_requests, trigger_executions, triggers
from app.settings import Settings
from app.worker.attempt import Attempt, Lease

_executions = trigger_executions.c


def due_query(limit: int) -> sa.Select[tuple[int]]:
    """The executions whose turn it is, longest waiting first, whatever its trigger."""
    return (
        sa.select(_executions.id)
        .where(_executions.status.in_(WAITING), _executions.next_attempt_at <= utc_now())
        .order_by(_executions.next_attempt_at, _executions.id)
        .limit(limit)
    )


def due(connection: Connection, owner: str, limit: int, settings: Settings) -> list[Attempt]:
    """At most `limit` due executions, each now running under a lease of this owner.

    The attempt is counted here: an execution that kills its worker runs out of attempts too.
    """
    leases = _lease(connection, owner, limit, settings.hookonce_lease_seconds)
    if not leases:
        return []
    connection.execute(
        sa.insert(execution_attempts).values(started_at=utc_now()),
        [
            {"execution_id": lease.execution_id, "number": lease.number, "worker": lease.owner}
            for lease in leases
        ],
    )
    rows = _rows(connection, [lease.execution_id for lease in leases])
    return [Attempt(lease, _work(rows[lease.execution_id], lease, settings)) for lease in leases]


def _lease(connection: Connection, owner: str, limit: int, lease_seconds: float) -> list[Lease]:
    # A CTE is evaluated once; PostgreSQL may evaluate a plain sub-select again and take more.
    chosen = locked_for_claim(due_query(limit), connection.dialect).cte("chosen")
    claim = (
        sa.update(trigger_executions)
        .where(_executions.id.in_(sa.select(chosen.c.id)))
        .values(
            status=RUNNING,
            attempt_count=_executions.attempt_count + 1,
            lease_owner=owner,
            lease_expires_at=utc_now(lease_seconds),
            started_at=sa.func.coalesce(_executions.started_at, utc_now()),
        )
        .returning(_executions.id, _executions.attempt_count)
    )
    claimed = connection.execute(claim).all()
    return [Lease(row.id, row.attempt_count, owner) for row in sorted(claimed)]


def _rows(connection: Connection, ids: list[int]) -> dict[int, Any]:
    query = (
        sa.select(
            _executions.id,
            _executions.event_data,
            triggers.c.id.label("trigger_id"),
            triggers.c.slug,
            triggers.c.secret,
            triggers.c.action_type,
            triggers.c.action_payload,
            triggers.c.agent,
            execution_requests.c.body,
            execution_requests.c.content_type,
        )
        .join(triggers, triggers.c.id == _executions.trigger_id)
        .outerjoin(execution_requests, execution_requests.c.execution_id == _executions.id)
        .where(_executions.id.in_(ids))
    )
    return {row.id: row for row in connection.execute(query)}


def _work(row: Any, lease: Lease, settings: Settings) -> Work:
    return Work(
        execution_id=lease.execution_id,
        attempt_number=lease.number,
        action_type=row.action_type or "",
        action_payload=row.action_payload or "",
        event_data=row.event_data or "{}",
        body=row.body,
        content_type=row.content_type,
        trigger_id=row.trigger_id,
        trigger_slug=row.slug or "",
        trigger_secret=row.secret or "",
        settings=settings,
        agent=row.agent or "",
    )
