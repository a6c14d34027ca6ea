"""How did it end, and what follows? Written only by whoever still holds the lease."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import lifecycle
from app.db import is_one_of, utc_now
from app.errors import LeaseLost
from app.models import execution_attempts, trigger_executions
from app.worker import backoff
from app.worker.attempt import Ended

_executions = trigger_executions.c
_attempts = execution_attempts.c


def record(
    connection: Connection, ended: Sequence[Ended], chance: Callable[[], float]
) -> list[str]:
    """The new status of each execution, written with its attempt's end.

    Compare-and-set on the leases: raises LeaseLost when another worker has taken one of the
    executions over. The transaction is then to be rolled back, and each tried by itself.
    """
    values = [_values(each, chance) for each in ended]
    settled = connection.execute(_settle(), values)
    if settled.rowcount != len(ended):
        lost = f"{len(ended) - settled.rowcount} of {len(ended)}"
        ids = ", ".join(str(each.lease.execution_id) for each in ended)
        raise LeaseLost(f"{lost} execution(s) no longer leased to us, of {ids}")
    connection.execute(_end(), values)
    return [each["the_status"] for each in values]


@cache
def _settle() -> sa.Update:
    status = sa.bindparam("the_status", type_=sa.String)
    wait = utc_now(sa.bindparam("wait_seconds", type_=sa.Float))
    retried = status == lifecycle.RETRYING
    return (
        sa.update(trigger_executions)
        .where(
            _executions.id == sa.bindparam("the_execution"),
            is_one_of(_executions.status, [lifecycle.RUNNING]),
            _executions.lease_owner == sa.bindparam("owner"),
            _executions.attempt_count == sa.bindparam("the_number"),
        )
        .values(
            status=status,
            lease_owner=None,
            lease_expires_at=None,
            next_attempt_at=sa.case((retried, wait)),
            completed_at=sa.case((~retried, utc_now())),
            result_summary=sa.func.coalesce(
                sa.bindparam("said", type_=sa.Text), _executions.result_summary
            ),
            error=sa.bindparam("the_error"),
            error_category=sa.bindparam("category"),
            error_reason=sa.bindparam("reason"),
            duration_seconds=sa.bindparam("seconds"),
        )
    )


@cache
def _end() -> sa.Update:
    return (
        sa.update(execution_attempts)
        .where(
            _attempts.execution_id == sa.bindparam("the_execution"),
            _attempts.number == sa.bindparam("the_number"),
        )
        .values(
            finished_at=utc_now(),
            outcome=sa.bindparam("how"),
            error=sa.bindparam("the_error"),
            error_category=sa.bindparam("category"),
            error_reason=sa.bindparam("reason"),
            http_status=sa.bindparam("answered"),
            duration_seconds=sa.bindparam("seconds"),
        )
    )


def _values(ended: Ended, chance: Callable[[], float]) -> dict[str, Any]:
    outcome, status = ended.outcome, next_status(ended)
    return {
        "the_execution": ended.lease.execution_id,
        "owner": ended.lease.owner,
        "the_number": ended.lease.number,
        "the_status": status,
        "wait_seconds": _wait_seconds(ended, chance()) if status == lifecycle.RETRYING else 0.0,
        "said": outcome.summary or None,
        "the_error": outcome.error,
        "category": outcome.category,
        "reason": outcome.reason,
        "seconds": outcome.duration_seconds,
        "how": outcome.outcome,
        "answered": outcome.http_status,
    }


def next_status(ended: Ended) -> str:
    """Where the execution goes from here. Pure."""
    outcome, policy = ended.outcome, ended.terms.policy
    if outcome.outcome == lifecycle.SUCCEEDED:
        return lifecycle.COMPLETED
    if outcome.handed_back:
        return lifecycle.RETRYING
    age = ended.terms.age_seconds + (outcome.duration_seconds or 0.0)
    too_old = policy.max_age_seconds is not None and age > policy.max_age_seconds
    attempts_left = ended.lease.number < policy.max_attempts and not too_old
    category = outcome.category or lifecycle.TRANSIENT
    return lifecycle.after_failure(category, attempts_left=attempts_left)


def _wait_seconds(ended: Ended, chance: float) -> float:
    if ended.outcome.handed_back:
        return 0.0
    asked = ended.outcome.retry_after_seconds
    return backoff.wait_seconds(ended.lease.number, ended.terms.policy, chance, asked)
