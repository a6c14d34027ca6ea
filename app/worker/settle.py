"""How did it end, and what follows? Written only by whoever still holds the lease."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import lifecycle
from app.db import utc_now
from app.errors import LeaseLost
from app.models import execution_attempts, trigger_executions
from app.worker import backoff
from app.worker.attempt import Lease, Outcome

_executions = trigger_executions.c
_attempts = execution_attempts.c


def record(
    connection: Connection,
    lease: Lease,
    outcome: Outcome,
    policy: backoff.RetryPolicy,
    chance: float,
) -> str:
    """The execution's new status, written with the attempt's end.

    Compare-and-set on the lease: raises LeaseLost, and changes nothing, when another worker has
    taken the execution over.
    """
    status = _next_status(lease, outcome, policy)
    settled = connection.execute(
        sa.update(trigger_executions)
        .where(
            _executions.id == lease.execution_id,
            _executions.status == lifecycle.RUNNING,
            _executions.lease_owner == lease.owner,
            _executions.attempt_count == lease.number,
        )
        .values(
            status=status,
            lease_owner=None,
            lease_expires_at=None,
            error=outcome.error,
            error_category=outcome.category,
            duration_seconds=outcome.duration_seconds,
            **_what_follows(status, lease, outcome, policy, chance),
        )
    )
    if settled.rowcount != 1:
        raise LeaseLost(f"execution {lease.execution_id} is no longer leased to {lease.owner}")
    connection.execute(
        sa.update(execution_attempts)
        .where(_attempts.execution_id == lease.execution_id, _attempts.number == lease.number)
        .values(
            finished_at=utc_now(),
            outcome=outcome.outcome,
            error=outcome.error,
            error_category=outcome.category,
            http_status=outcome.http_status,
        )
    )
    return status


def _next_status(lease: Lease, outcome: Outcome, policy: backoff.RetryPolicy) -> str:
    if outcome.outcome == lifecycle.SUCCEEDED:
        return lifecycle.COMPLETED
    attempts_left = lease.number < policy.max_attempts
    return lifecycle.after_failure(
        outcome.category or lifecycle.TRANSIENT, attempts_left=attempts_left
    )


def _what_follows(
    status: str, lease: Lease, outcome: Outcome, policy: backoff.RetryPolicy, chance: float
) -> dict[str, Any]:
    if status == lifecycle.RETRYING:
        wait = backoff.wait_seconds(lease.number, policy, chance, outcome.retry_after_seconds)
        return {"next_attempt_at": utc_now(wait)}
    finished: dict[str, Any] = {"completed_at": utc_now(), "next_attempt_at": None}
    return finished | {"result_summary": outcome.summary} if outcome.summary else finished
